//! The link to Redis, and the breaker: requests use a connection that is known to work, or none.
//!
//! A task of its own opens the connection, greets, and keeps in touch. Whoever meets an error or a time-out declares the
//! connection broken; from then on everybody does without, at no cost, until the task has one that answers.

use std::sync::Arc;
use std::time::Duration;

use redis::{ErrorKind, FromRedisValue, RedisError, RedisResult, ScriptInvocation, ServerErrorKind};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::connect::{Connection, Door};
use super::options::Options;
use super::presence::{LIFE, Presence};
use super::script::{self, Keys, PRESENT};
use super::tally::Tally;

/// How often the task says that this replica is there, and sees whether Redis is.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// The pause after Redis was lost; it doubles with each try.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A connection that was good for less is followed by a longer pause.
const GOOD: Duration = Duration::from_secs(10);
/// What is said of an answer that did not come.
const LATE: &str = "it took too long to answer";

#[derive(Debug)]
pub(super) struct Link {
    line: Arc<Line>,
    timeout: Duration,
    tally: Arc<Tally>,
    keeper: JoinHandle<()>,
}

/// The connection that is in use.
#[derive(Debug)]
struct Line(watch::Sender<Standing>);

#[derive(Clone, Debug)]
enum Standing {
    /// The first connection is being opened: it is worth a moment.
    Starting,
    Up(Connection, u64),
    Down,
}

impl Link {
    /// Keeps a connection through `door` until the link is dropped.
    pub(super) fn keep(door: Door, options: &Options, keys: Keys, presence: Arc<Presence>, tally: Arc<Tally>) -> Self {
        let line = Arc::new(Line(watch::Sender::new(Standing::Starting)));
        let keeper = Keeper {
            line: Arc::clone(&line),
            door,
            limit: options.connect_timeout,
            patience: options.timeout,
            keys,
            presence,
            tally: Arc::clone(&tally),
        };
        Self { line, timeout: options.timeout, tally, keeper: tokio::spawn(keeper.run()) }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(*self.line.0.borrow(), Standing::Up(..))
    }

    /// Ends when Redis is lost, or at once if it is not there.
    pub(super) async fn lost(&self) {
        self.line.lost().await;
    }

    /// What Redis answers, or nothing: it is not there, takes too long, refuses, or says what makes no sense.
    pub(super) async fn run<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Option<T> {
        let (mut connection, number) = self.connection().await?;
        let answer = timeout(self.timeout, call.invoke_async(&mut connection)).await;
        self.judge(answer, number)
    }

    /// What stands under `name`, if there is an answer.
    pub(super) async fn get(&self, name: &str) -> Option<Option<Vec<u8>>> {
        let (mut connection, number) = self.connection().await?;
        let answer = timeout(self.timeout, redis::cmd("GET").arg(name).query_async(&mut connection)).await;
        self.judge(answer, number)
    }

    fn judge<T>(&self, answer: Result<RedisResult<T>, Elapsed>, number: u64) -> Option<T> {
        match answer {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) if !is_broken(&error) => {
                self.tally.refuse();
                tracing::warn!(why = why(&error), "Redis refused a command");
            }
            Ok(Err(error)) => self.line.broke(number, &self.tally, &why(&error)),
            Err(_late) => self.line.broke(number, &self.tally, LATE),
        }
        None
    }

    async fn connection(&self) -> Option<(Connection, u64)> {
        let mut standing = self.line.0.subscribe();
        let settled = standing.wait_for(|standing| !matches!(standing, Standing::Starting));
        match timeout(self.timeout, settled).await.ok()?.ok()?.clone() {
            Standing::Up(connection, number) => Some((connection, number)),
            Standing::Starting | Standing::Down => None,
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Line {
    async fn lost(&self) {
        drop(self.0.subscribe().wait_for(|standing| matches!(standing, Standing::Down)).await);
    }

    /// The connection of this number does not work; a later one may.
    fn broke(&self, number: u64, tally: &Tally, why: &str) {
        let changed = self.0.send_if_modified(|standing| {
            let current = matches!(standing, Standing::Up(_, current) if *current == number);
            if current {
                *standing = Standing::Down;
            }
            current
        });
        if changed {
            tally.broken.add();
            tracing::warn!(why, "Redis is lost: sessions are not shared until it is back");
        }
    }
}

struct Keeper {
    line: Arc<Line>,
    door: Door,
    limit: Duration,
    patience: Duration,
    keys: Keys,
    presence: Arc<Presence>,
    tally: Arc<Tally>,
}

impl Keeper {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        for number in 0.. {
            let began = Instant::now();
            match self.greet(number).await {
                Ok(connection) => {
                    self.line.0.send_replace(Standing::Up(connection.clone(), number));
                    tracing::info!(replicas = self.presence.seen(), "sessions are shared through Redis");
                    self.stay(connection, number).await;
                }
                Err(why) => {
                    if !matches!(self.line.0.send_replace(Standing::Down), Standing::Down) {
                        tracing::warn!(why, "Redis cannot be used: sessions are not shared until it can");
                    }
                }
            }
            pause = if began.elapsed() > GOOD { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            sleep(pause / 2 + jitter(pause / 2)).await;
        }
    }

    /// A connection that has answered, knows the scripts and has heard of this replica.
    async fn greet(&mut self, number: u64) -> Result<Connection, String> {
        let (line, tally) = (Arc::clone(&self.line), Arc::clone(&self.tally));
        let lost = move || line.broke(number, &tally, "the connection ended");
        let opened = timeout(self.limit, self.door.open(lost)).await.map_err(|_| "it took too long to connect")?;
        let mut connection = opened.map_err(|error| why(&error))?;
        for script in script::all() {
            let loaded = timeout(self.patience, script.load_async(&mut connection)).await;
            loaded.map_err(|_| LATE)?.map_err(|error| why(&error))?;
        }
        self.touch(&mut connection).await?;
        Ok(connection)
    }

    /// Keeps in touch until the connection breaks.
    async fn stay(&self, mut connection: Connection, number: u64) {
        while timeout(HEARTBEAT, self.line.lost()).await.is_err() {
            if let Err(why) = self.touch(&mut connection).await {
                self.line.broke(number, &self.tally, &why);
            }
        }
    }

    async fn touch(&self, connection: &mut Connection) -> Result<(), String> {
        let mut call = PRESENT.key(self.keys.presence());
        call.arg(&self.presence.id).arg(LIFE.as_millis().to_string());
        let touched: RedisResult<u32> = match timeout(self.patience, call.invoke_async(connection)).await {
            Ok(touched) => touched,
            Err(_late) => return Err(LATE.to_owned()),
        };
        match touched {
            Ok(count) => self.presence.sighted(count),
            // It answers, if only to say no: what needs no writing can still be had.
            Err(error) if !is_broken(&error) => self.tally.refuse(),
            Err(error) => return Err(why(&error)),
        }
        Ok(())
    }
}

/// Whether the connection, or the server behind it, is of no use; else it is the one command.
fn is_broken(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask
                | ServerErrorKind::TryAgain
        ),
        ErrorKind::Extension => matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "UNBLOCKED")),
        ErrorKind::UnexpectedReturnType => false,
        _ => true,
    }
}

/// What went wrong, in words that hold nothing of what was sent.
fn why(error: &RedisError) -> String {
    match error.code() {
        Some(code) => format!("{:?} {code}", error.kind()),
        None => error.category().to_owned(),
    }
}

fn jitter(limit: Duration) -> Duration {
    limit.mul_f64((Uuid::new_v4().as_u64_pair().1 % 1000) as f64 / 1000.0)
}
