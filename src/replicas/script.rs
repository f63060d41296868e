//! The names in Redis, and the scripts that do in one step what must not be seen half done.

use std::sync::LazyLock;

use redis::Script;

use super::seal::Digest;

/// What all names begin with, and what follows from it.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

/// The names of one place. In a cluster the braces keep them together.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) key: String,
    pub(super) failure: String,
    pub(super) lease: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    pub(super) fn of(&self, name: &Digest) -> Names {
        let (prefix, name) = (&self.prefix, const_hex::encode(name));
        let named = |what| format!("{prefix}:{{{name}}}:{what}");
        Names { key: named("key"), failure: named("failure"), lease: named("lease") }
    }

    pub(super) fn budget(&self) -> String {
        format!("{{{}}}:budget", self.prefix)
    }

    pub(super) fn presence(&self) -> String {
        format!("{{{}}}:replicas", self.prefix)
    }

    pub(super) fn channel(&self) -> String {
        format!("{}:news", self.prefix)
    }
}

/// The entry that lives until `ARGV[3]`, else the failure, else the lease for `ARGV[1]`, else nothing. With `ARGV[4]` set
/// neither entry nor failure is wanted: they have been seen, and do not open.
pub(super) static CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if ARGV[4] == '' then
            local entry = redis.call('GET', KEYS[1])
            local ends = entry and tonumber(string.sub(entry, 1, 13))
            if ends and ends >= tonumber(ARGV[3]) then return {'key', entry} end
            local failure = redis.call('GET', KEYS[2])
            if failure then return {'failure', failure} end
        end
        if redis.call('SET', KEYS[3], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'lease', ''} end
        return {'busy', ''}
        ",
    )
});

/// Prolongs the lease of `ARGV[1]`; 0 if another has it.
pub(super) static PROLONG: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
        return redis.call('PEXPIRE', KEYS[1], ARGV[2])
        ",
    )
});

/// Stores what came of a load, gives the lease back if it is still ours, and tells those who wait. Redis may be too full
/// to store; the rest is done all the same.
pub(super) static SETTLE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local stored
        if ARGV[2] == 'key' then
            stored = redis.pcall('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
            redis.call('DEL', KEYS[2])
        elseif ARGV[2] == 'failure' then
            stored = redis.pcall('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
        end
        if redis.call('GET', KEYS[3]) == ARGV[1] then redis.call('DEL', KEYS[3]) end
        redis.call('PUBLISH', ARGV[5], ARGV[6])
        if stored and stored.err then return stored end
        return 1
        ",
    )
});

/// Notes that the replica `ARGV[1]` is there, forgets those not heard of for `ARGV[2]` milliseconds, counts the rest.
pub(super) static PRESENT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call('ZADD', KEYS[1], now, ARGV[1])
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        return redis.call('ZCARD', KEYS[1])
        ",
    )
});

/// The bucket of all replicas (GCRA), in microseconds: how long to wait for a turn, -1 if that is longer than `ARGV[5]`;
/// how many replicas there are; and when the turn is.
///
/// A bucket that is not there, or that nobody of ours can have left so, is taken for empty: nobody knows what was spent.
/// While fewer replicas are there than were lately, each turn costs as much more: the others spend without asking.
pub(super) static TURN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local interval, burst, known = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[6])
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local now_ms = math.floor(now / 1000)
        redis.call('ZADD', KEYS[2], now_ms, ARGV[1])
        redis.call('PEXPIRE', KEYS[2], ARGV[2])
        local seen = redis.call('ZCOUNT', KEYS[2], now_ms - ARGV[2], '+inf')
        local cost = interval * math.max(1, known / seen)
        local caught_up = tonumber(redis.call('GET', KEYS[1]) or '')
        if not caught_up or caught_up > now + 30000000 then caught_up = now + burst end
        local following = math.max(caught_up, now) + cost
        local wait = math.max(0, math.ceil(following - now - burst))
        local granted = wait <= tonumber(ARGV[5])
        local stands = granted and following or caught_up
        redis.call('SET', KEYS[1], string.format('%.0f', stands), 'PX', 3600000)
        if granted then return {wait, seen, string.format('%.0f', now + wait)} end
        return {-1, seen, '0'}
        ",
    )
});

/// All of them, to be known to Redis before they are needed.
pub(super) fn all() -> [&'static Script; 5] {
    [&CLAIM, &PROLONG, &SETTLE, &PRESENT, &TURN]
}
