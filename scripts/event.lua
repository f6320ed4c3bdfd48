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

-- The settings that are numbers, as far as scripts go by them.
local NUMBERS = {
  'total', 'maxPerUser', 'maxQuantity', 'waitlistLimit', 'waitlistOff',
  'holdSeconds', 'offerSeconds', 'opensAt', 'closesAt',
}

local TOO_LONG = '%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d' -- 16 digits

-- uuid is the id that the event must have, or empty for any. fields names further fields of
-- the hash to read in the same call, and is changed. The second result has their values in
-- the same order, false where a field is missing. The third result is nil, or the word to
-- answer with if the event cannot be used.
local function load_event(eventKey, uuid, fields)
  local n = #fields
  fields[n + 1], fields[n + 2], fields[n + 3] = 'counters', 'uuid', 'state'
  for i = 1, #NUMBERS do fields[n + 3 + i] = NUMBERS[i] end
  local values = redis.call('HMGET', eventKey, unpack(fields))
  local counters = values[n + 1]
  if not counters then return {key = eventKey, markable = false}, values, values[n + 2] and 'corrupt' or 'no_event' end
  local version, confirmed, held, waiting, lastJoined, lastServed, promotionsDue, deadline = string.match(counters,
    '^1|(%d+)|(%d+)|(%d+)|(%d+)|(%d+)|(%d+)|([01])|(%d+)$')
  if not version then
    local format = string.match(counters, '^([^|]+)|')
    local word = format and format ~= '1' and 'unknown_format' or 'corrupt'
    return {key = eventKey, markable = false}, values, word
  end
  local e = {
    key = eventKey,
    markable = true, -- see unchanged.lua
    uuid = values[n + 2],
    state = values[n + 3],
    version = tonumber(version),
    confirmed = tonumber(confirmed), -- tickets
    held = tonumber(held), -- tickets of holds and offers
    waiting = tonumber(waiting), -- bookings
    lastJoined = tonumber(lastJoined), -- sequence number
    lastServed = tonumber(lastServed), -- sequence number
    promotionsDue = tonumber(promotionsDue), -- 1 if promote.lua has work
    deadline = tonumber(deadline), -- the earliest of a hold or an offer, in milliseconds since 1970, or 0
    log = {}, -- entries for commit to append
    total = 0, maxPerUser = 0, maxQuantity = 0, waitlistLimit = 0, waitlistOff = 0, -- all of NUMBERS, at once:
    holdSeconds = 0, offerSeconds = 0, opensAt = 0, closesAt = 0, -- a table that grows is copied
  }
  -- As whole_number has it, but for all of the counters in one look: nearly every script is here first.
  local whole = not string.find(counters, '|0%d') and not string.find(counters, TOO_LONG)
  local valid = whole and e.uuid and (e.state == 'open' or e.state == 'paused' or e.state == 'closed')
  for i = 1, #NUMBERS do
    local text = values[n + 3 + i]
    if text then
      local number = whole_number(text)
      e[NUMBERS[i]], valid = number, valid and number
    end
  end
  if not valid or e.total == 0 then return {key = eventKey, markable = false}, values, 'corrupt' end
  if uuid ~= '' and uuid ~= e.uuid then return e, values, 'no_event' end
  return e, values, nil
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

-- Returns a field of the event's hash, false if it is missing, as it will be after edits: what a
-- script is about to write, by field, false for a field to delete.
local function edited_field(e, edits, name)
  if edits[name] ~= nil then return edits[name] end
  return redis.call('HGET', e.key, name)
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

-- Commits edits (see edited_field), which succeed on a full Redis too.
local function commit_edits(e, logKey, edits)
  local changes, removed = {}, {}
  for name, value in pairs(edits) do
    if value then
      changes[#changes + 1] = name
      changes[#changes + 1] = value
    else
      removed[#removed + 1] = name
    end
  end
  commit(e, logKey, changes, true, removed)
end
