//! The servers, each a process of its own on the first core; this process is on the second.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::client;
use super::floor::{Answers, Chores, Ready};
use crate::support::cloud::{Arms, ROUTES, Sts, bearer};

/// The shell raises the limit of open files to what is allowed, and the rest is pinned to one core if there are two.
fn on_core(core: usize) -> Command {
    let two = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) || super::asked("--pinned");
    let pin = if two { format!("taskset -c {core}") } else { String::new() };
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n $(ulimit -H -n); exec {pin} \"$0\" \"$@\"")]);
    command
}

/// Runs this program once more, on the second core.
pub(crate) fn again_on_own_core() {
    let mut command = on_core(1);
    command.arg(std::env::current_exe().unwrap()).args(std::env::args().skip(1)).arg("--pinned");
    assert!(command.status().unwrap().success());
}

/// A running server; it ends when this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _it_has_ended = self.child.kill();
        let _it_has_ended = self.child.wait();
    }
}

impl Server {
    /// The program itself with this configuration; it has answered when this returns, after the time that is returned.
    pub(crate) fn ours(configuration: &str, folder: &TempDir, name: &str) -> (Self, Duration) {
        let file = folder.path().join(format!("{name}.toml"));
        fs::write(&file, configuration).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = on_core(0);
        command.arg(env!("CARGO_BIN_EXE_oss-vend")).args(["--log", "warn", "serve", "--config"]).arg(file);
        let began = Instant::now();
        let child = command.args(["--listen", &address.to_string()]).spawn().unwrap();
        let server = Self { address, child };
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_mins(1), "the server does not start");
            std::thread::sleep(Duration::from_micros(200));
        }
        let healthy =
            client::once(address, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        assert!(healthy.starts_with(b"HTTP/1.1 200 "));
        (server, began.elapsed())
    }

    fn floor(answers: &Answers, folder: &TempDir, name: &str, chores: Chores) -> Self {
        let file = folder.path().join(format!("{name}.json"));
        fs::write(&file, serde_json::to_vec(answers).unwrap()).unwrap();
        let mut command = on_core(0);
        command.arg(std::env::current_exe().unwrap()).arg("--floor").arg(file).stdout(Stdio::piped());
        command.args(chores.hashes.then_some("--hashing"));
        if let Some((line, to)) = chores.notes {
            command.args(["--line", &line, "--notes", &to]);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { address: line.trim().parse().unwrap(), child }
    }

    /// The processor time that it has taken so far.
    pub(crate) fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let of_task = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        Duration::from_nanos(tasks.flatten().map(of_task).sum())
    }

    /// The memory that it holds, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// What our trail tells of a URL, once it does.
fn line_of_a_url(trail: &Path) -> String {
    for _ in 0..1_000 {
        let text = fs::read_to_string(trail).unwrap_or_default();
        if let Some(line) = text.lines().find(|line| line.contains("/presigned-url") && line.ends_with('}')) {
            return line.to_owned();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the trail stays empty")
}

/// The text of a GET as a browser sends it.
pub(crate) fn request(path: &str, headers: &[(&str, String)], keep_alive: bool) -> Vec<u8> {
    let mut text = format!(
        "GET {path} HTTP/1.1\r\nhost: vend.example.com\r\naccept: */*\r\naccept-language: en\r\n\
         accept-encoding: gzip, br\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101\r\n"
    );
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text.push_str(if keep_alive { "\r\n" } else { "connection: close\r\n\r\n" });
    text.into_bytes()
}

/// All that is compared.
pub(crate) struct Site {
    servers: [(Arms, bool, Server); 4],
    /// The floor of what is armed that hashes, too, and the one that also keeps a trail.
    pub(crate) busy: [Server; 2],
    bearer: String,
    _folder: TempDir,
}

impl Site {
    pub(crate) fn start() -> Self {
        let (sts, folder, bearer) = (Sts::start(), TempDir::new().unwrap(), bearer("u42"));
        let pair = |arms: Arms, name: &str| {
            let trail = folder.path().join(format!("{name}.jsonl"));
            let configuration = arms.configuration(sts.address, trail.to_str().unwrap());
            let ours = Server::ours(&configuration, &folder, name).0;
            let answer = |path: &str| {
                let answer = client::once(ours.address, &request(path, &arms.headers(&bearer), false)).unwrap();
                assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
                (path.to_owned(), Ready::of(&answer))
            };
            let answers: Answers = ROUTES.into_iter().map(answer).collect();
            (Server::floor(&answers, &folder, name, Chores::default()), ours, answers)
        };
        let ((bare_floor, bare, _), (full_floor, full, answers)) = (pair(Arms::Bare, "bare"), pair(Arms::Full, "full"));
        let notes = folder.path().join("notes").to_str().unwrap().to_owned();
        let chores = [None, Some((line_of_a_url(&folder.path().join("full.jsonl")), notes))];
        let busy = chores.map(|notes| Server::floor(&answers, &folder, "busy", Chores { hashes: true, notes }));
        let servers = [
            (Arms::Bare, false, bare_floor),
            (Arms::Bare, true, bare),
            (Arms::Full, false, full_floor),
            (Arms::Full, true, full),
        ];
        Self { servers, busy, bearer, _folder: folder }
    }

    pub(crate) fn server(&self, arms: Arms, ours: bool) -> &Server {
        &self.servers.iter().find(|server| (server.0, server.1) == (arms, ours)).unwrap().2
    }

    pub(crate) fn request(&self, arms: Arms, route: usize, keep_alive: bool) -> Vec<u8> {
        request(ROUTES[route], &arms.headers(&self.bearer), keep_alive)
    }
}
