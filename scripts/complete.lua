-- Notes that a creation is complete: its event was made. It runs after initialize.lua
-- and before the creation is answered, so every event that a client knows of has this
-- note, and verify can tell an event that was lost from a number whose creation died
-- before it made an event. Repeating it changes nothing.
--
-- KEYS[1]  events          hash, see number.lua
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  creation id
-- ARGV[3]  number          of its event, which exists
-- Returns  {word}
--   completed   the note is there
--   renumbered  nothing changed: the creation has another number by now. A failover
--               took back this one, and a retry of the creation drew again

local eventsKey = KEYS[1]
local acks, creation, number = ARGV[1], ARGV[2], ARGV[3]
local events = {key = eventsKey, markable = true}

local found = redis.call('HGET', eventsKey, creation)
if found == number .. '+' then return unchanged(events, acks, {'completed'}) end
-- If a failover took back the number, the creation gets it again here: its event exists.
if found and found ~= number then return unchanged(events, acks, {'renumbered'}) end

-- HDEL removes nothing. A full Redis lets it through, and after it the rest of the
-- script: the event exists, so the creation must not be refused any more.
redis.call('HDEL', eventsKey, '')
redis.call('HSET', eventsKey, creation, number .. '+')
return {'completed'}
