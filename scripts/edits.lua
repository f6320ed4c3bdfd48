-- Edits: what a script is about to write to an event's hash, by field, false for a field to delete;
-- and edits of a booking's record (booking.lua). Joined in front of the scripts that change bookings.

-- Returns a field of the event's hash as it will be after edits, false if it is missing.
local function edited_field(e, edits, name)
  if edits[name] ~= nil then return edits[name] end
  return redis.call('HGET', e.key, name)
end

-- Commits edits, which succeed on a full Redis too.
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

local function digits(number) return number and string.format('%d', number) or '' end

-- Returns when something happened, as a record has it.
local function write_moment(version, now) return string.format('%d@%d', version, now) end

-- Returns the version of when something happened, or 0.
local function version_of(moment) return number_of(string.match(moment, '^(%d+)@')) or 0 end

local function write_booking(b)
  local quantity = digits(b.quantity)
  if b.reducedAt then quantity = string.format('%d/%d@%d', b.quantity, b.booked, b.reducedAt) end
  return table.concat({
    LETTER[b.status] .. LETTER[b.firstStatus], b.promoted, b.confirmed, b.cancelled, b.expired, digits(b.expiresAt),
    quantity, digits(b.createdAt), digits(b.version), b.older, digits(b.sequence), digits(b.position),
    b.seconds, b.reference, b.user,
  }, '|')
end

-- The functions below edit records as text: hot paths call them for many bookings.

-- Returns the quantity of a booking that waits, or nil if it does not wait.
local function waiting_quantity(record)
  local quantity = string.match(record, '^W%u||||||(%d+)[|/]') -- its letter, and nothing happened to it
  return quantity and tonumber(quantity)
end

-- Returns the record of a hold or an offer as it is once expired, and what unlink_booking needs of it; or
-- nil if it is neither.
local function expired_record(record, when)
  local head, tail, quantity, older, user = string.match(record, '^([HO]%u|[%d@]*|[%d@]*|[%d@]*|)'
    .. '(|%d+|(%d+)[/%d@]*|%d+|%d+|([^|]*)|%d*|%d*|[%d:]*|[^|]*|(.+))$')
  if not head then return nil end
  return LETTER.expired .. string.sub(head, 2) .. when .. tail,
    {user = user, quantity = number_of(quantity), older = older}
end

-- Returns the record of a waiting booking as it is once promoted: confirmed, or offered until
-- expiresAt, which is empty otherwise.
local function promoted_record(record, when, expiresAt)
  local letter = expiresAt == '' and LETTER.confirmed or LETTER.offered
  return letter .. string.sub(record, 2, 3) .. when .. string.sub(record, 4, 7) .. expiresAt .. string.sub(record, 8)
end
