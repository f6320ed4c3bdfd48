-- Notes that an event may soon have work that nobody's call will do: a deadline to keep, promotions
-- to finish. It is done before the change that may leave it.
--
-- KEYS[1]  due             sorted set: events by the time until which nobody may take them out
-- ARGV[1]  now             milliseconds since 1970, in tests; else empty
-- ARGV[2]  event           number
-- ARGV[3]  seconds         how long it has to stay there, from now
-- Returns  {word}
--   registered

local dueKey = KEYS[1]
local override, event, seconds = ARGV[1], ARGV[2], tonumber(ARGV[3])

redis.call('ZADD', dueKey, 'GT', string.format('%d', now_millis(override) + seconds * 1000), event)
return {'registered'}
