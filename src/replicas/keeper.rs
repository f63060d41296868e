//! The task behind the link: opens the connection, greets, and keeps in touch.

use std::sync::Arc;
use std::time::Duration;

use redis::RedisResult;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::connect::{Connection, Door};
use super::link::{LATE, Line, Standing, is_broken, why};
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

pub(super) struct Keeper {
    pub(super) line: Arc<Line>,
    pub(super) door: Door,
    pub(super) limit: Duration,
    pub(super) patience: Duration,
    pub(super) keys: Keys,
    pub(super) presence: Arc<Presence>,
    pub(super) tally: Arc<Tally>,
}

impl Keeper {
    pub(super) async fn run(mut self) {
        let (mut pause, mut told) = (FIRST_PAUSE, false);
        for number in 0.. {
            let began = Instant::now();
            match self.greet(number).await {
                Ok(connection) => {
                    self.line.0.send_replace(Standing::Up(connection.clone(), number));
                    told = false;
                    tracing::info!(replicas = self.presence.seen(), "sessions are shared through Redis");
                    self.stay(connection, number).await;
                }
                Err(why) => {
                    self.line.0.send_replace(Standing::Down);
                    if !told {
                        tracing::warn!(why, "Redis cannot be used: sessions are not shared until it can");
                    }
                    told = true;
                }
            }
            pause = if began.elapsed() > GOOD { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            sleep(jittered(pause)).await;
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
            Err(error) if !is_broken(&error) => drop(self.tally.refuse()),
            Err(error) => return Err(why(&error)),
        }
        Ok(())
    }
}

/// From half of `pause` to all of it: those who lost Redis together shall not come again together.
fn jittered(pause: Duration) -> Duration {
    let half = u64::try_from(pause.as_millis() / 2).unwrap_or(0);
    Duration::from_millis(half + Uuid::new_v4().as_u64_pair().1 % (half + 1))
}
