-- Takes an event out of those that may have work, unless somebody has noted it again: whoever found
-- nothing to do there may have looked before a change that leaves some.
--
-- KEYS[1]  due             sorted set, see register.lua
-- ARGV[1]  now             milliseconds since 1970, in tests; else empty
-- ARGV[2]  event           number
-- Returns  {word}
--   retired    it is not there any more
--   kept       it has to stay for now

local dueKey = KEYS[1]
local override, event = ARGV[1], ARGV[2]

local score = redis.call('ZSCORE', dueKey, event)
if score and tonumber(score) > now_millis(override) then return {'kept'} end
redis.call('ZREM', dueKey, event)
return {'retired'}
