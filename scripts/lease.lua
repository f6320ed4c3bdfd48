-- Gives the events of a partition that may have work to one instance for a time: it does the work, and
-- the others need not look. A lease is data and not a time to live, and nothing but promptness
-- depends on it: the scripts that do the work find nothing when they run twice.
--
-- KEYS[1]  lease           hash: the owner, and until when
-- ARGV[1]  now             milliseconds since 1970, in tests; else empty
-- ARGV[2]  owner           id of the instance that asks
-- ARGV[3]  seconds         how long; 0 gives a lease back
-- Returns  {word, left}
--   leased     the instance has the lease for left more milliseconds
--   taken      another instance has it for left more milliseconds

local leaseKey = KEYS[1]
local override, owner, seconds = ARGV[1], ARGV[2], tonumber(ARGV[3])

local now = now_millis(override)
local found = redis.call('HMGET', leaseKey, 'owner', 'until')
local left = (whole_number(found[2]) or 0) - now
if found[1] and found[1] ~= owner and left > 0 then return {'taken', left} end
redis.call('HSET', leaseKey, 'owner', owner, 'until', string.format('%d', now + seconds * 1000))
return {'leased', seconds * 1000}
