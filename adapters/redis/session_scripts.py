"""The scripts behind the session store: each changes every generation that counts, atomically.

A generation is a prefix of keys, `sessions:<generation>:` and behind it

| key | holds |
|---|---|
| `t:<token hash>` | the session, as JSON, until it expires |
| `s:<token hash>` | when the session was last seen (ms), until it has been idle for too long |
| `i:<session>` | position, expiry (ms), token hash and account of the session |
| `x:<session>` | the session's tombstone |
| `a:<account>` | the ids of the account's sessions, by their expiry |
| `c:<account>` | tombstones: by the session that is kept, if any, up to where others ended |

Beside them lies what `adapters.redis.generations` keeps.
"""

from adapters.redis.client import Script

KIND = "sessions"

# KEYS: marker, building. ARGV[1]: the one generation to change, or '' for all that count.
# Returns the marker, so that the caller sees whether it is valid.
_GENERATIONS = """
local marker, generations = redis.call('GET', KEYS[1]), {}
if ARGV[1] ~= '' then generations[1] = ARGV[1]
else
  local building = redis.call('GET', KEYS[2])
  if marker then generations[1] = string.match(marker, '([^|]+)$') end
  if building and building ~= generations[1] then generations[#generations + 1] = building end
end
local function forget(p, id, kept)
  local token, account = string.match(kept, '^%d+ %d+ (%S+) (.*)$')
  redis.call('DEL', p .. 't:' .. token, p .. 's:' .. token, p .. 'i:' .. id)
  redis.call('ZREM', p .. 'a:' .. account, id)
end
"""

# KEYS: marker. ARGV: what a valid marker begins with, the session's id.
# Returns the marker, the session as JSON, and when it was last seen.
FIND_BY_ID = Script("""
local marker = redis.call('GET', KEYS[1])
if not marker or string.sub(marker, 1, #ARGV[1]) ~= ARGV[1] then return {marker, false, false} end
local p = 'sessions:' .. string.sub(marker, #ARGV[1] + 1) .. ':'
local kept = redis.call('GET', p .. 'i:' .. ARGV[2])
if not kept then return {marker, false, false} end
local token = string.match(kept, '^%d+ %d+ (%S+) ')
return {marker, redis.call('GET', p .. 't:' .. token), redis.call('GET', p .. 's:' .. token)}
""")

# KEYS: marker. ARGV: what a valid marker begins with, the account.
# Returns the marker, then each of the account's sessions as JSON, and when it was last seen.
OF_ACCOUNT = Script("""
local marker = redis.call('GET', KEYS[1])
if not marker or string.sub(marker, 1, #ARGV[1]) ~= ARGV[1] then return {marker} end
local p, found = 'sessions:' .. string.sub(marker, #ARGV[1] + 1) .. ':', {marker}
for _, id in ipairs(redis.call('ZRANGE', p .. 'a:' .. ARGV[2], 0, -1)) do
  local kept = redis.call('GET', p .. 'i:' .. id)
  if kept then
    local token = string.match(kept, '^%d+ %d+ (%S+) ')
    found[#found + 1] = redis.call('GET', p .. 't:' .. token)
    found[#found + 1] = redis.call('GET', p .. 's:' .. token)
  end
end
return found
""")

PUT = Script(
    _GENERATIONS
    + """
local id, token, account, position = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local expiry, session, seen, idle = ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
for _, generation in ipairs(generations) do
  local p = 'sessions:' .. generation .. ':'
  local ended = redis.call('EXISTS', p .. 'x:' .. id) == 1
  local bars = redis.call('HGETALL', p .. 'c:' .. account)
  for i = 1, #bars, 2 do
    if bars[i] ~= id and tonumber(bars[i + 1]) >= tonumber(position) then ended = true end
  end
  if not ended and tonumber(expiry) > now then
    local a = p .. 'a:' .. account
    redis.call('SET', p .. 't:' .. token, session, 'PXAT', expiry)
    local left, s = tonumber(seen) + idle - now, p .. 's:' .. token
    if left > 0 and tonumber(redis.call('GET', s) or 0) < tonumber(seen) then
      redis.call('SET', s, seen, 'PX', math.min(left, idle))
    end
    redis.call('SET', p .. 'i:' .. id, position .. ' ' .. expiry .. ' ' .. token .. ' ' .. account,
      'PXAT', expiry)
    redis.call('ZREMRANGEBYSCORE', a, '-inf', now)
    redis.call('ZADD', a, expiry, id)
    if redis.call('PEXPIRETIME', a) < tonumber(expiry) then redis.call('PEXPIREAT', a, expiry) end
  end
end
return marker
"""
)

END = Script(
    _GENERATIONS
    + """
local id, lifetime = ARGV[2], ARGV[3]
for _, generation in ipairs(generations) do
  local p = 'sessions:' .. generation .. ':'
  local kept = redis.call('GET', p .. 'i:' .. id)
  if kept then forget(p, id, kept) end
  redis.call('SET', p .. 'x:' .. id, 1, 'PX', lifetime)
end
return marker
"""
)

END_ALL = Script(
    _GENERATIONS
    + """
local account, position, lifetime, spared = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
for _, generation in ipairs(generations) do
  local p = 'sessions:' .. generation .. ':'
  local c = p .. 'c:' .. account
  local cut = tonumber(redis.call('HGET', c, spared) or 0)
  redis.call('HSET', c, spared, string.format('%.0f', math.max(cut, position)))
  redis.call('PEXPIRE', c, lifetime)
  for _, id in ipairs(redis.call('ZRANGE', p .. 'a:' .. account, 0, -1)) do
    local kept = redis.call('GET', p .. 'i:' .. id)
    if kept and id ~= spared and tonumber(string.match(kept, '^%d+')) <= position then
      forget(p, id, kept)
    end
  end
end
return marker
"""
)

# ARGV: what a valid marker begins with, the position.
ADVANCE = Script("""
local marker = redis.call('GET', KEYS[1])
if not marker or string.sub(marker, 1, #ARGV[1]) ~= ARGV[1] then return marker end
local place = 'sessions:' .. string.sub(marker, #ARGV[1] + 1) .. ':position'
local position = tonumber(ARGV[2])
if position > tonumber(redis.call('GET', place) or 0) then
  redis.call('SET', place, string.format('%.0f', position))
end
return marker
""")
