"""The scripts behind the session store: each changes every generation that counts, atomically.

A generation is a prefix of keys, `sessions:<generation>:` and behind it

| key | holds |
|---|---|
| `t:<token hash>` | the session, as JSON, until it expires |
| `i:<session>` | position, expiry (ms), token hash and account of the session |
| `x:<session>` | the session's tombstone |
| `a:<account>` | the ids of the account's sessions, by their expiry |
| `c:<account>` | the account's tombstone: its sessions up to this position have ended |

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
  redis.call('DEL', p .. 't:' .. token, p .. 'i:' .. id)
  redis.call('ZREM', p .. 'a:' .. account, id)
end
"""

# KEYS: marker. ARGV: what a valid marker begins with, the session's id.
# Returns the marker, and the session as JSON.
FIND_BY_ID = Script("""
local marker = redis.call('GET', KEYS[1])
if not marker or string.sub(marker, 1, #ARGV[1]) ~= ARGV[1] then return {marker, false} end
local p = 'sessions:' .. string.sub(marker, #ARGV[1] + 1) .. ':'
local kept = redis.call('GET', p .. 'i:' .. ARGV[2])
if not kept then return {marker, false} end
return {marker, redis.call('GET', p .. 't:' .. string.match(kept, '^%d+ %d+ (%S+) '))}
""")

PUT = Script(
    _GENERATIONS
    + """
local id, token, account, position = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local expiry, session = ARGV[6], ARGV[7]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
for _, generation in ipairs(generations) do
  local p = 'sessions:' .. generation .. ':'
  local ended = redis.call('EXISTS', p .. 'x:' .. id) == 1
  local cut = redis.call('GET', p .. 'c:' .. account)
  if cut and tonumber(cut) >= tonumber(position) then ended = true end
  if not ended and tonumber(expiry) > now then
    local a = p .. 'a:' .. account
    redis.call('SET', p .. 't:' .. token, session, 'PXAT', expiry)
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
local account, position, lifetime = ARGV[2], tonumber(ARGV[3]), ARGV[4]
for _, generation in ipairs(generations) do
  local p = 'sessions:' .. generation .. ':'
  local cut = tonumber(redis.call('GET', p .. 'c:' .. account) or 0)
  redis.call('SET', p .. 'c:' .. account, string.format('%.0f', math.max(cut, position)),
    'PX', lifetime)
  for _, id in ipairs(redis.call('ZRANGE', p .. 'a:' .. account, 0, -1)) do
    local kept = redis.call('GET', p .. 'i:' .. id)
    if kept and tonumber(string.match(kept, '^%d+')) <= position then forget(p, id, kept) end
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
