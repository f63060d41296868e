//! The generator: one thread, any number of connections, one request at a time on each.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// Where the requests go.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    /// Else each request has a connection of its own.
    pub(crate) keep_alive: bool,
}

/// What came back.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) elapsed: Duration,
    /// Of each request, in nanoseconds, sorted.
    pub(crate) latencies: Vec<u64>,
}

impl Outcome {
    pub(crate) fn requests(&self) -> usize {
        self.latencies.len()
    }

    /// The latency that a share of `0.0..=1.0` of the requests does not exceed, in microseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            clippy::cast_possible_truncation,
            reason = "counts"
        )]
        let at = (share * (self.latencies.len() - 1) as f64).round() as usize;
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a short run")]
        return self.latencies[at] as f64 / 1e3;
    }
}

impl Load {
    /// Sends what `next` gives for as long as `run`. Kept connections have answered once before `begins` is called.
    pub(crate) fn run(self, run: Duration, next: &mut dyn FnMut() -> Vec<u8>, begins: &mut dyn FnMut()) -> Outcome {
        let mut lines = self.lines();
        if self.keep_alive {
            lines.exchange(self.connections, next);
        }
        begins();
        let end = Instant::now() + run;
        lines.until(&mut |_| Instant::now() >= end, next)
    }

    /// Sends `count` requests.
    pub(crate) fn count(self, count: usize, next: &mut dyn FnMut() -> Vec<u8>) -> Outcome {
        self.lines().exchange(count, next)
    }

    fn lines(self) -> Lines {
        let poll = Poll::new().unwrap();
        let lines = (0..self.connections).map(|number| Line::open(&poll, self.address, number)).collect();
        Lines { load: self, poll, all: lines }
    }
}

/// All connections.
struct Lines {
    load: Load,
    poll: Poll,
    all: Vec<Line>,
}

impl Lines {
    fn exchange(&mut self, count: usize, next: &mut dyn FnMut() -> Vec<u8>) -> Outcome {
        self.until(&mut |sent| sent >= count, next)
    }

    /// Sends until `done` says so of the number of requests that were sent, and awaits the answers.
    fn until(&mut self, done: &mut dyn FnMut(usize) -> bool, next: &mut dyn FnMut() -> Vec<u8>) -> Outcome {
        let Self { load, poll, all: lines } = self;
        let (mut outcome, mut sent, mut waiting) = (Outcome::default(), 0, 0);
        let began = Instant::now();
        for line in lines.iter_mut() {
            if sent == 0 || !done(sent) {
                line.send(&next());
                (sent, waiting) = (sent + 1, waiting + 1);
            }
        }
        let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 64 * 1024]);
        while waiting > 0 {
            poll.poll(&mut events, Some(Duration::from_secs(20))).unwrap();
            assert!(!events.is_empty(), "{} does not answer any more", load.address);
            for event in &events {
                let line = &mut lines[event.token().0];
                let Some(latency) = line.receive(&mut buffer) else { continue };
                outcome.latencies.push(latency);
                waiting -= 1;
                if !load.keep_alive {
                    *line = Line::open(poll, load.address, event.token().0);
                }
                if !done(sent) {
                    line.send(&next());
                    (sent, waiting) = (sent + 1, waiting + 1);
                }
            }
        }
        outcome.elapsed = began.elapsed();
        outcome.latencies.sort_unstable();
        outcome
    }
}

/// One connection.
struct Line {
    stream: TcpStream,
    /// When the request went that is not answered, and what has come of its answer.
    asked: Option<Instant>,
    head: Vec<u8>,
    missing: usize,
}

impl Line {
    fn open(poll: &Poll, address: SocketAddr, number: usize) -> Self {
        let stream = std::net::TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(number), Interest::READABLE).unwrap();
        Self { stream, asked: None, head: Vec::new(), missing: 0 }
    }

    fn send(&mut self, request: &[u8]) {
        self.asked = Some(Instant::now());
        // A request is smaller than the socket's buffer, and the last one is answered.
        assert_eq!(self.stream.write(request).unwrap(), request.len());
    }

    /// The latency, in nanoseconds, once the answer is whole.
    fn receive(&mut self, buffer: &mut [u8]) -> Option<u64> {
        self.asked?;
        loop {
            let read = match self.stream.read(buffer) {
                Ok(0) => panic!("the connection was closed before the answer"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) => panic!("{error}"),
            };
            if self.take(&buffer[..read]) {
                let asked = self.asked.take()?;
                return Some(u64::try_from(asked.elapsed().as_nanos()).unwrap());
            }
        }
    }

    /// Whether the answer is whole with `bytes`.
    fn take(&mut self, bytes: &[u8]) -> bool {
        if self.missing == 0 {
            self.head.extend_from_slice(bytes);
            let Some(length) = whole(&self.head) else { return false };
            self.missing = length - self.head.len();
            self.head.clear();
        } else {
            self.missing -= bytes.len();
        }
        self.missing == 0
    }
}

/// The length of the answer that begins with `bytes`, once its head is whole.
fn whole(bytes: &[u8]) -> Option<usize> {
    const LENGTH: &[u8] = b"content-length: ";
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    assert!(bytes.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(bytes));
    let at = bytes.windows(LENGTH.len()).position(|window| window == LENGTH).unwrap() + LENGTH.len();
    let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(head + digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

/// The bytes of one answer, on a connection of its own.
pub(crate) fn once(address: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
