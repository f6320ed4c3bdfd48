-- Gives a new event its number: 1, 2, 3 and so on. The same creation id gets the same number
-- again, so a retry leaves no gap.
--
-- KEYS[1]  events          hash: the id of the store (identify.lua), the last number given,
--                          and creation id -> number, followed by + once complete.lua has
--                          recorded that the event was made
-- ARGV[1]  store id        that the hash must have, or empty for any
-- ARGV[2]  creation id     chosen by the caller, or derived from its Idempotency-Key
-- ARGV[3]  above           the number has to be higher, since others up to it are occupied
-- Returns  {word, number}
--   numbered     the creation has this number, by this call or an earlier one
--   other_store  nothing changed: the hash has another store id, or none
--   corrupt      nothing changed: the counter or the creation's number is broken, or no number
--                is left

local eventsKey = KEYS[1]
local store, creation, above = ARGV[1], ARGV[2], tonumber(ARGV[3])
local MAX_NUMBER = 281474976710655 -- 2^48 - 1: ids have 48 bits for it

local found = redis.call('HMGET', eventsKey, 'store', creation, 'last')
if store ~= '' and found[1] ~= store then return {'other_store', 0} end
if found[2] then
  local given = whole_number(string.match(found[2], '^(%d+)%+?$'))
  if not given then return {'corrupt', 0} end
  return {'numbered', given}
end

local last = whole_number(found[3] or '0')
if not last or math.max(last, above) >= MAX_NUMBER then return {'corrupt', 0} end
local number = math.max(last, above) + 1
local text = string.format('%d', number)
redis.call('HSET', eventsKey, 'last', text, creation, text)
return {'numbered', number}
