-- Returns the id of the store, by which the service recognizes that it still works on the same
-- data. A store that has no id gets one, at the first contact of a service.
--
-- KEYS[1]  events          hash, see number.lua
-- ARGV[1]  new id          for a store that has none, or empty: then it gets none
-- Returns  {word, id}
--   found   the store has this id, by this call or an earlier one
--   none    the store has no id

local eventsKey = KEYS[1]
local new = ARGV[1]

local id = redis.call('HGET', eventsKey, 'store')
if id then return {'found', id} end
if new == '' then return {'none', ''} end
-- A new store counts from 0, so that a hash without a counter is always one that lost it.
if redis.call('EXISTS', eventsKey) == 0 then
  redis.call('HSET', eventsKey, 'store', new, 'last', '0')
else
  redis.call('HSET', eventsKey, 'store', new)
end
return {'found', new}
