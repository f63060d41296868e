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

    pub(super) fn spent(&self, name: &Digest) -> String {
        format!("{}:{{{}}}:spent", self.prefix, const_hex::encode(name))
    }

    pub(super) fn presence(&self) -> String {
        format!("{{{}}}:replicas", self.prefix)
    }

    pub(super) fn channel(&self) -> String {
        format!("{}:news", self.prefix)
    }
}

/// The entry that lives until `ARGV[3]`, else the failure that is not over at `ARGV[5]`, else the lease of the owner
/// `ARGV[1]` for `ARGV[2]` milliseconds, else how many milliseconds are left of another's lease. With `ARGV[4]` set neither
/// entry nor failure is wanted: they have been seen, and do not open.
///
/// Whatever Redis does with the life of what it holds, all of them say themselves when they end: entry and failure begin
/// with it; a lease is `<end>:<owner>`, its end in milliseconds of Redis' time. One that is over, or ends later than any
/// can, is taken by the caller.
pub(super) static CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if ARGV[4] == '' then
            local entry = redis.call('GET', KEYS[1])
            local ends = entry and tonumber(string.sub(entry, 1, 13))
            if ends and ends >= tonumber(ARGV[3]) then return {'key', entry} end
            local failure = redis.call('GET', KEYS[2])
            local retry = failure and tonumber(string.sub(failure, 1, 13))
            if retry and retry > tonumber(ARGV[5]) then return {'failure', failure} end
        end
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local lease = redis.call('GET', KEYS[3])
        local left = lease and tonumber(string.match(lease, '^(%d+):'))
        left = left and left - now
        if left and left > 0 and left <= tonumber(ARGV[2]) then return {'busy', string.format('%.0f', left)} end
        redis.call('SET', KEYS[3], string.format('%.0f', now + ARGV[2]) .. ':' .. ARGV[1], 'PX', ARGV[2])
        return {'lease', ''}
        ",
    )
});

/// Prolongs the lease of `ARGV[1]` to `ARGV[2]` milliseconds from now; 0 if another has it.
pub(super) static PROLONG: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local lease = redis.call('GET', KEYS[1])
        if not lease or string.match(lease, '^%d+:(.*)$') ~= ARGV[1] then return 0 end
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call('SET', KEYS[1], string.format('%.0f', now + ARGV[2]) .. ':' .. ARGV[1], 'PX', ARGV[2])
        return 1
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
        local lease = redis.call('GET', KEYS[3])
        if lease and string.match(lease, '^%d+:(.*)$') == ARGV[1] then redis.call('DEL', KEYS[3]) end
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

/// Adds `ARGV[2]` times `ARGV[1]` microseconds to what somebody owes, up to twice `ARGV[3]`: how much it is then.
pub(super) static SPEND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local most = 2 * ARGV[3]
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local full = tonumber(redis.call('GET', KEYS[1]) or '') or now
        if full > now + most then full = now end
        local owed = math.min(math.max(full - now, 0) + ARGV[1] * ARGV[2], most)
        redis.call('SET', KEYS[1], string.format('%.0f', now + owed), 'PX', math.ceil(owed / 1000) + 1)
        return string.format('%.0f', owed)
        ",
    )
});

/// All of them, to be known to Redis before they are needed.
pub(super) fn all() -> [&'static Script; 6] {
    [&CLAIM, &PROLONG, &SETTLE, &PRESENT, &TURN, &SPEND]
}
