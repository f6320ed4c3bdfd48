-- Records that a creation is complete: its event was made. It runs after initialize.lua and
-- before the creation is answered, so every event that a client knows of has this note. By it,
-- verify distinguishes a lost event from a number whose creation died before it made an
-- event. Repeating it changes nothing.
--
-- KEYS[1]  events          hash, see number.lua
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  creation id
-- ARGV[3]  number          of its event, which exists
-- Returns  {word}
--   completed   the note is there
--   renumbered  nothing changed: the creation has another number by now. A failover
--               undid this one, and a retry of the creation drew another

local eventsKey = KEYS[1]
local acks, creation, number = ARGV[1], ARGV[2], ARGV[3]
local events = {key = eventsKey, markable = true}

local found = redis.call('HGET', eventsKey, creation)
if found == number .. '+' then return unchanged(events, acks, {'completed'}) end
-- If a failover undid the number, the creation gets it back here: its event exists.
if found and found ~= number then return unchanged(events, acks, {'renumbered'}) end

-- This HDEL removes nothing. A full Redis accepts it, and then the writes that follow: the
-- event exists, so the creation must not be refused any more.
redis.call('HDEL', eventsKey, '')
redis.call('HSET', eventsKey, creation, number .. '+')
return {'completed'}
