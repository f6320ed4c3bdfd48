-- Gives a new event its number: 1, 2, 3 and so on. Asked again with the same
-- creation id it gives the same number, so a retry leaves no gap.
--
-- KEYS[1]  events          hash: last number given, and creation id -> number,
--                          with + behind it once complete.lua noted that the event was made
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
