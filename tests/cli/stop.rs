//! The end of a server, as a service manager or a container engine brings it about.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::serve::Serve;

const STOPPING: &str = "stopping: requests that are under way are finished";

fn serve(variables: &[(&str, &str)]) -> Serve {
    let folder = TempDir::new().unwrap();
    let variables = [&[("BUCKET", "examplebucket"), ("OSS_VEND__AUDIT__TO", "off")], variables].concat();
    // Nobody reads the log of so many requests, and whoever writes to a full pipe waits.
    Serve::start(&folder, &["--listen", "127.0.0.1:0", "--log", "info,oss_vend::api=warn"], &variables)
}

/// A request whose body does not come.
fn under_way(serve: &Serve) -> TcpStream {
    let mut stream = TcpStream::connect(&serve.address).unwrap();
    let head = "POST /sts HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut continued = [0; 25];
    stream.read_exact(&mut continued).unwrap();
    assert_eq!(&continued, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[test]
fn what_does_not_end_in_time_is_cut_off_and_the_exit_code_says_so() {
    let serve = serve(&[("OSS_VEND__SHUTDOWN_TIMEOUT", "300ms")]);
    let _asking = under_way(&serve);
    serve.signal("TERM");
    let (code, said) = serve.end();
    assert_eq!(code, Some(1));
    assert!(said.contains("1 connections did not end within shutdown_timeout"), "{said}");
}

#[test]
fn a_second_signal_stops_at_once() {
    let mut serve = serve(&[("OSS_VEND__SHUTDOWN_DELAY", "1h")]);
    serve.signal("INT");
    serve.until(STOPPING);
    serve.signal("TERM");
    let (code, said) = serve.end();
    assert_eq!(code, Some(1));
    assert!(said.contains("a second signal came"), "{said}");
}

#[test]
fn sigterm_under_load_fails_no_request() {
    let serve = serve(&[("OSS_VEND__SHUTDOWN_DELAY", "5s"), ("OSS_VEND__LIMITS__PER_ADDRESS", "off")]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (noticed, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let client = || reqwest::Client::builder().no_proxy();
    let clients = [
        client().build().unwrap(),
        client().build().unwrap(),
        client().pool_max_idle_per_host(0).build().unwrap(),
        client().http2_prior_knowledge().build().unwrap(),
    ];
    let asking: Vec<_> = clients
        .into_iter()
        .map(|client| {
            let (noticed, asked, url) = (noticed.clone(), asked.clone(), format!("http://{}/healthz", serve.address));
            runtime.spawn(async move {
                while !noticed.load(Ordering::Relaxed) {
                    let answer = client.get(&url).send().await.expect("no request fails");
                    assert_eq!(answer.text().await.unwrap(), r#"{"status":"ok"}"#);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let url = format!("http://{}/readyz", serve.address);
    runtime.block_on(async {
        while asked.load(Ordering::Relaxed) < 200 && !asking.iter().all(tokio::task::JoinHandle::is_finished) {
            tokio::task::yield_now().await;
        }
        serve.signal("TERM");
        // As a load balancer does: once it hears that the server stops, it sends nobody there any more.
        let prober = client().build().unwrap();
        loop {
            let answer = prober.get(&url).send().await.unwrap();
            if answer.status() == 503 {
                assert_eq!(answer.headers()["connection"], "close");
                assert!(answer.text().await.unwrap().contains("\"stopping\""));
                break;
            }
        }
        noticed.store(true, Ordering::Relaxed);
        for asker in asking {
            asker.await.unwrap();
        }
    });
    assert_eq!(serve.end().0, Some(0));
}

#[test]
fn the_service_manager_hears_how_it_fares() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let heard = |wanted: &str| {
        let mut text = [0; 200];
        loop {
            let length = socket.recv(&mut text).unwrap_or_else(|error| panic!("{wanted}: {error}"));
            if text[..length].starts_with(wanted.as_bytes()) {
                return;
            }
        }
    };
    let serve = serve(&[("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "400000")]);
    heard("READY=1");
    heard("WATCHDOG=1");
    heard("WATCHDOG=1");
    serve.signal("HUP");
    heard("RELOADING=1\nMONOTONIC_USEC=");
    heard("READY=1");
    serve.signal("TERM");
    heard("STOPPING=1");
    assert_eq!(serve.end().0, Some(0));
}

#[test]
fn a_unix_socket_is_served_and_goes_with_its_server() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("socket");
    let listen = format!("unix:{}", path.display());
    let variables = [("BUCKET", "examplebucket"), ("OSS_VEND__AUDIT__TO", "off")];
    let serve = Serve::start(&folder, &["--listen", &listen], &variables);
    assert_eq!(serve.address, listen);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /grants HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    serve.signal("TERM");
    assert_eq!(serve.end().0, Some(0));
    assert!(!path.exists());
}
