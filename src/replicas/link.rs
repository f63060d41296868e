//! The link to Redis, and the breaker: requests use a connection that is known to work, or none.
//!
//! A task of its own opens the connection, greets, and keeps in touch. Whoever meets an error or a time-out declares the
//! connection broken; from then on everybody does without, at no cost, until the task has one that answers.

use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{ErrorKind, FromRedisValue, RedisError, RedisResult, ScriptInvocation, ServerErrorKind};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::connect::{Connection, Door};
use super::keeper::Keeper;
use super::options::Options;
use super::presence::Presence;
use super::script::Keys;
use super::tally::Tally;

/// What is said of an answer that did not come.
pub(super) const LATE: &str = "it took too long to answer";

pub(super) struct Link {
    line: Arc<Line>,
    timeout: Duration,
    tally: Arc<Tally>,
    keeper: Mutex<Keeping>,
}

/// The task that keeps the connection.
enum Keeping {
    Asleep(Box<Keeper>),
    Awake(JoinHandle<()>),
    Ended,
}

/// The connection that is in use.
#[derive(Debug)]
pub(super) struct Line(pub(super) watch::Sender<Standing>);

#[derive(Clone, Debug)]
pub(super) enum Standing {
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
        let keeper = Mutex::new(Keeping::Asleep(Box::new(keeper)));
        let kept = Self { line, timeout: options.timeout, tally, keeper };
        if Handle::try_current().is_ok() {
            kept.wake();
        }
        kept
    }

    /// Sees to it that the keeper works. A link may be made before there is a runtime for it to work in.
    fn wake(&self) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Keeping::Asleep(_) = &*keeper
            && let Keeping::Asleep(asleep) = std::mem::replace(&mut *keeper, Keeping::Ended)
        {
            *keeper = Keeping::Awake(tokio::spawn(asleep.run()));
        }
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
                if self.tally.refuse() {
                    tracing::warn!(why = why(&error), "Redis refuses commands");
                }
            }
            Ok(Err(error)) => self.line.broke(number, &self.tally, &why(&error)),
            Err(_late) => self.line.broke(number, &self.tally, LATE),
        }
        None
    }

    async fn connection(&self) -> Option<(Connection, u64)> {
        if let Standing::Starting = *self.line.0.borrow() {
            self.wake();
        }
        let mut standing = self.line.0.subscribe();
        let settled = standing.wait_for(|standing| !matches!(standing, Standing::Starting));
        match timeout(self.timeout, settled).await {
            Ok(settled) => match settled.ok()?.clone() {
                Standing::Up(connection, number) => Some((connection, number)),
                Standing::Starting | Standing::Down => None,
            },
            Err(_late) => {
                self.line.give_up();
                None
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Keeping::Awake(keeper) = self.keeper.get_mut().unwrap_or_else(PoisonError::into_inner) {
            keeper.abort();
        }
    }
}

impl Line {
    pub(super) async fn lost(&self) {
        drop(self.0.subscribe().wait_for(|standing| matches!(standing, Standing::Down)).await);
    }

    /// The first connection takes too long: nobody else waits for it.
    fn give_up(&self) {
        self.0.send_if_modified(|standing| {
            let starting = matches!(standing, Standing::Starting);
            if starting {
                *standing = Standing::Down;
            }
            starting
        });
    }

    /// The connection of this number does not work; a later one may.
    pub(super) fn broke(&self, number: u64, tally: &Tally, why: &str) {
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

impl Debug for Link {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("line", &self.line).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Whether the connection, or the server behind it, is of no use; else it is the one command.
pub(super) fn is_broken(error: &RedisError) -> bool {
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
pub(super) fn why(error: &RedisError) -> String {
    match error.code() {
        Some(code) => format!("{:?} {code}", error.kind()),
        None => error.category().to_owned(),
    }
}
