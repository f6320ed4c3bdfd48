-- Gives a new event its number: 1, 2, 3 and so on. The same creation id gets the same number
-- again, so a retry leaves no gap.
--
-- KEYS[1]  events          hash: the last number given, and creation id -> number, followed
--                          by + once complete.lua has recorded that the event was made
-- ARGV[1]  creation id     chosen by the caller, or derived from its Idempotency-Key
-- Returns  {word, number}
--   numbered   the creation has this number, by this call or an earlier one

local eventsKey = KEYS[1]
local creation = ARGV[1]

local given = redis.call('HGET', eventsKey, creation)
if given then return {'numbered', tonumber(string.match(given, '^%d+'))} end

local number = redis.call('HINCRBY', eventsKey, 'last', 1)
redis.call('HSET', eventsKey, creation, number)
return {'numbered', number}
