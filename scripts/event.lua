-- An event, joined in front of the scripts that read or change one. `load_event` reads it
-- into a table with named numbers, and only `commit` writes its counters and its log.
--
-- In the event's hash, each setting is a field of its own, so that a later version can add
-- one; a missing number is 0. The counters are one field, separated by |: as fields of their
-- own they made a waiting booking a fifth slower.
--
-- The counters begin with the format of the event, 1, and |. Any other format means that a
-- later version of the service made the event, and nothing else in it can be relied upon;
-- counters without a format are broken.

local TOO_LONG = '%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d' -- 16 digits

-- Returns the number that a setting is, or nil if it is none.
local function setting(text)
  if not text then return 0 end
  return whole_number(text)
end

-- uuid is the id that the event must have, or empty for any; whatever follows names further fields of
-- the hash to read in the same call. The first result is the event. The second is nil, or the word to
-- answer with if the event cannot be used. Then come the values of the further fields, false where one
-- is missing.
--
-- Nearly every script is here first, so this is written to be cheap: no table of fields, one look at all
-- of the counters (for what whole_number refuses), a table that need not grow, and + 0 instead of a call.
local function load_event(eventKey, uuid, ...)
  local values = redis.call('HMGET', eventKey, 'counters', 'uuid', 'state', 'total', 'maxPerUser', 'maxQuantity',
    'waitlistLimit', 'waitlistOff', 'holdSeconds', 'offerSeconds', 'opensAt', 'closesAt', ...)
  local counters, id, state = values[1], values[2], values[3]
  local function useless(word) return {key = eventKey, markable = false}, word, unpack(values, 13) end
  if not counters then return useless(id and 'corrupt' or 'no_event') end
  local version, confirmed, held, waiting, lastJoined, lastServed, promotionsDue, deadline = string.match(counters,
    '^1|(%d+)|(%d+)|(%d+)|(%d+)|(%d+)|(%d+)|([01])|(%d+)$')
  if not version then
    local format = string.match(counters, '^([^|]+)|')
    return useless(format and format ~= '1' and 'unknown_format' or 'corrupt')
  end
  if not id or state ~= 'open' and state ~= 'paused' and state ~= 'closed'
    or string.find(counters, '|0%d') or string.find(counters, TOO_LONG) then return useless('corrupt') end
  local e = {
    key = eventKey,
    markable = true, -- see unchanged.lua
    uuid = id,
    state = state,
    version = version + 0,
    confirmed = confirmed + 0, -- tickets
    held = held + 0, -- tickets of holds and offers
    waiting = waiting + 0, -- bookings
    lastJoined = lastJoined + 0, -- sequence number
    lastServed = lastServed + 0, -- sequence number
    promotionsDue = promotionsDue + 0, -- 1 if promote.lua has work
    deadline = deadline + 0, -- the earliest of a hold or an offer, in milliseconds since 1970, or 0
    log = {}, -- entries for commit to append
    total = setting(values[4]), maxPerUser = setting(values[5]), maxQuantity = setting(values[6]),
    waitlistLimit = setting(values[7]), waitlistOff = setting(values[8]), holdSeconds = setting(values[9]),
    offerSeconds = setting(values[10]), opensAt = setting(values[11]), closesAt = setting(values[12]),
  }
  if not (e.total and e.maxPerUser and e.maxQuantity and e.waitlistLimit and e.waitlistOff and e.holdSeconds
    and e.offerSeconds and e.opensAt and e.closesAt) or e.total == 0 then return useless('corrupt') end
  return e, uuid ~= '' and uuid ~= id and 'no_event' or nil, unpack(values, 13)
end

local function available_tickets(e) return e.total - e.confirmed - e.held end

-- Returns how long the list of those who wait is, as waitlist.lua keeps it. If it is not, somebody
-- has lost their place: then nobody joins and nobody is served.
local function waitlist_length(e) return 1 + e.lastJoined - (e.lastServed - e.lastServed % TRIM_EVERY) end

-- Returns the word for why the event sells nothing now, or nil.
local function not_selling(e, now)
  if e.state ~= 'open' then return 'event_' .. e.state end
  if now < e.opensAt then return 'sale_not_started' end
  if e.closesAt > 0 and now >= e.closesAt then return 'sale_ended' end
  return nil
end

-- Whether a hold or an offer has passed its deadline, and expire.lua has not been there yet.
local function expiry_due(e, now) return e.deadline > 0 and e.deadline <= now end

-- Raises the version and adds its entry to the log. Nothing else makes a version, so each
-- has exactly one entry.
local function log_change(e, entry)
  e.version = e.version + 1
  e.log[#e.log + 1] = entry
end

-- Writes the counters, the log, and other changed fields of the hash, given as a flat list:
-- field, value, field, value. If Redis is full it refuses the HSET, and nothing is written.
--
-- A change that must succeed on a full Redis too (always) is one that frees tickets, keeps a
-- promise or stops the sale. Redis refuses only the first write of a script, and LTRIM from 0 to -1
-- is a write that it accepts and that changes nothing. removed lists fields to delete, or is nil.
local function commit(e, logKey, changes, always, removed)
  if removed and #removed > 0 then -- a full Redis accepts this, and then the rest
    redis.call('HDEL', e.key, unpack(removed))
  end
  local call = always and redis.pcall or redis.call
  local counters = string.format('1|%d|%d|%d|%d|%d|%d|%d|%d',
    e.version, e.confirmed, e.held, e.waiting, e.lastJoined, e.lastServed, e.promotionsDue, e.deadline)
  local written = call('HSET', e.key, 'counters', counters, unpack(changes))
  if type(written) ~= 'number' then
    redis.call('LTRIM', logKey, '0', '-1')
    redis.call('HSET', e.key, 'counters', counters, unpack(changes))
  end
  if #e.log > 0 then redis.call('RPUSH', logKey, unpack(e.log)) end
end
