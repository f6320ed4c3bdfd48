-- The record of a booking: a field of its event's hash, named by its short id. This file
-- alone knows its format, with package layout, which reads it for the rest of the service.
--
-- Its parts have | between them:
--
--   status           two letters: that of now, and the one that it was booked with
--   promotedVersion  of the event when it was promoted, or empty
--   cancelledVersion of the event when it was cancelled, or empty
--   nextBooking      the first booking that its cancellation promoted, or empty
--   promotedCount    bookings that its cancellation promoted, or empty
--   quantity         tickets
--   createdAt        milliseconds since 1970
--   version          of the event when it was booked
--   older            the user's next older live booking; means nothing for the oldest
--   sequence         the number drawn when it joined the waiting list, or empty
--   position         in the waiting list when it was booked, 1 = next, or empty
--   user             comes last, since it may contain |
--
-- The parts before quantity change, the rest stays, but for older.

local STATUS = {C = 'confirmed', W = 'waiting', X = 'cancelled'}
local LETTER = {confirmed = 'C', waiting = 'W', cancelled = 'X'}

-- Returns a booking as a table, or nil if the text is not a record.
local function read_booking(record)
  local status, first, promotedVersion, cancelledVersion, nextBooking, promotedCount,
    quantity, createdAt, version, older, sequence, position, user = string.match(record,
      '^(%u)(%u)|(%d*)|(%d*)|([^|]*)|(%d*)|(%d+)|(%d+)|(%d+)|([^|]*)|(%d*)|(%d*)|(.+)$')
  if not STATUS[status] or not STATUS[first] then return nil end
  return {
    status = STATUS[status], firstStatus = STATUS[first],
    promotedVersion = tonumber(promotedVersion), cancelledVersion = tonumber(cancelledVersion),
    nextBooking = nextBooking, promotedCount = tonumber(promotedCount) or 0,
    quantity = tonumber(quantity), createdAt = tonumber(createdAt), version = tonumber(version),
    older = older, sequence = tonumber(sequence), position = tonumber(position), user = user,
  }
end

local function digits(number) return number and string.format('%d', number) or '' end

local function write_booking(b)
  return LETTER[b.status] .. LETTER[b.firstStatus]
    .. '|' .. digits(b.promotedVersion) .. '|' .. digits(b.cancelledVersion)
    .. '|' .. b.nextBooking .. '|' .. (b.promotedCount > 0 and digits(b.promotedCount) or '')
    .. string.format('|%d|%d|%d|', b.quantity, b.createdAt, b.version) .. b.older
    .. '|' .. digits(b.sequence) .. '|' .. digits(b.position) .. '|' .. b.user
end

-- These do by text what the hot paths do to one booking after the other.

-- Returns the record of a new booking. sequence is nil, and position unused, unless it waits.
local function new_record(status, quantity, createdAt, version, older, sequence, position, user)
  local letter = LETTER[status]
  local place = sequence and '|' .. sequence .. '|' .. position .. '|' or '|||'
  return letter .. letter .. '|||||' .. quantity .. '|' .. createdAt .. '|' .. version .. '|' .. older .. place .. user
end

-- Returns the tickets that a booking waits for, or nil if it does not wait.
local function waiting_quantity(record)
  local quantity = string.match(record, '^W%u|||||(%d+)|')
  return quantity and tonumber(quantity)
end

-- Returns the record of a booking that waited, promoted at a version.
local function promoted_record(record, version)
  return LETTER.confirmed .. string.sub(record, 2, 3) .. version .. string.sub(record, 4)
end
