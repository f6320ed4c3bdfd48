-- The record of a booking: a field of its event's hash, named by its short id. In Lua, only
-- this file knows the format; in Go, only package layout does.
--
-- The parts are separated by |:
--
--   status           two letters: the status now, and the status when it was booked
--   promotedVersion  of the event when it was promoted, or empty
--   cancelledVersion of the event when it was cancelled, or empty
--   nextBooking      the first booking that its cancellation promoted, or empty
--   promotedCount    bookings that its cancellation promoted, or empty
--   quantity         tickets
--   createdAt        milliseconds since 1970
--   version          of the event when it was booked
--   older            the user's next older live booking; meaningless for the oldest
--   sequence         the number drawn when it joined the waiting list, or empty
--   position         in the waiting list when it was booked, 1 = next, or empty
--   user             comes last, since it may contain |
--
-- The parts before quantity change, and so does older; the others never do.

-- Each status by its letter. A booking hasTickets if its quantity is taken from the event's
-- total, and waits if it is on the waiting list; one that does neither has ended.
local STATUS = {
  C = {name = 'confirmed', hasTickets = true, waits = false},
  W = {name = 'waiting', hasTickets = false, waits = true},
  X = {name = 'cancelled', hasTickets = false, waits = false},
}
local LETTER = {confirmed = 'C', waiting = 'W', cancelled = 'X'}

-- Parses a record into a table. Returns nil if the text is not a record.
local function read_booking(record)
  local status, first, promotedVersion, cancelledVersion, nextBooking, promotedCount,
    quantity, createdAt, version, older, sequence, position, user = string.match(record,
      '^(%u)(%u)|(%d*)|(%d*)|([^|]*)|(%d*)|(%d+)|(%d+)|(%d+)|([^|]*)|(%d*)|(%d*)|(.+)$')
  local now, atFirst = STATUS[status], STATUS[first]
  if not now or not atFirst then return nil end
  local b = {
    status = now.name, hasTickets = now.hasTickets, waits = now.waits, firstStatus = atFirst.name,
    promotedVersion = whole_number(promotedVersion), cancelledVersion = whole_number(cancelledVersion),
    nextBooking = nextBooking, promotedCount = whole_number(promotedCount) or 0,
    quantity = whole_number(quantity), createdAt = whole_number(createdAt), version = whole_number(version),
    older = older, sequence = whole_number(sequence), position = whole_number(position), user = user,
  }
  if not (b.quantity and b.createdAt and b.version) or b.waits and not b.sequence then return nil end
  return b
end

local function digits(number) return number and string.format('%d', number) or '' end

local function write_booking(b)
  return LETTER[b.status] .. LETTER[b.firstStatus]
    .. '|' .. digits(b.promotedVersion) .. '|' .. digits(b.cancelledVersion)
    .. '|' .. b.nextBooking .. '|' .. (b.promotedCount > 0 and digits(b.promotedCount) or '')
    .. string.format('|%d|%d|%d|', b.quantity, b.createdAt, b.version) .. b.older
    .. '|' .. digits(b.sequence) .. '|' .. digits(b.position) .. '|' .. b.user
end

-- The functions below build and edit records as text: hot paths call them for many bookings.

-- Returns the record of a new booking. sequence is nil, and position unused, unless it waits.
local function new_record(status, quantity, createdAt, version, older, sequence, position, user)
  local letter = LETTER[status]
  local place = sequence and '|' .. sequence .. '|' .. position .. '|' or '|||'
  return letter .. letter .. '|||||' .. quantity .. '|' .. createdAt .. '|' .. version .. '|' .. older .. place .. user
end

local WAITING_RECORD = '^' .. LETTER.waiting .. '%u|||||(%d+)|'

-- Returns the quantity of a booking that waits, or nil if it does not wait.
local function waiting_quantity(record)
  local quantity = string.match(record, WAITING_RECORD)
  return quantity and tonumber(quantity)
end

-- Returns the record of a waiting booking as it is once promoted at a version.
local function promoted_record(record, version)
  return LETTER.confirmed .. string.sub(record, 2, 3) .. version .. string.sub(record, 4)
end
