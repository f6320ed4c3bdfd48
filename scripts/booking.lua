-- The record of a booking: a field of its event's hash, named by its short id. In Lua, only
-- this file and edits.lua know the format; in Go, only package layout does.
--
-- The parts are separated by |:
--
--   status     two letters: the status now, and the status when it was booked
--   promoted   when it was promoted from the waiting list
--   confirmed  when it was confirmed, if it was a hold or an offer before
--   cancelled  when it was cancelled
--   expired    when its hold or offer expired
--   expiresAt  deadline of the hold or offer, milliseconds since 1970, or empty
--   quantity   tickets; of a booking that was reduced also /, the tickets as booked, @, and the
--              version of the event when it was reduced last
--   createdAt  milliseconds since 1970
--   version    of the event when it was booked
--   older      the user's next older live booking; meaningless for the oldest
--   sequence   the number drawn when it joined the waiting list, or empty
--   position   in the waiting list when it was booked, 1 = next, or empty
--   seconds    of a hold: as asked for, or 0; :, and as it was given
--   reference  the shop's own text, without |; or empty
--   user       comes last, since it may contain |
--
-- Where it says when, the version of the event then, @ and milliseconds since 1970; or empty. The
-- parts up to quantity change, and so does older; the others never do.

-- Each status by its letter. A booking hasTickets if its quantity is taken from the event's
-- total, waits if it is on the waiting list, and ends if it loses its tickets at its deadline; one
-- that has none of these is over. Each call of a script builds its tables anew, so these are few.
local STATUS = {C = 'confirmed', W = 'waiting', H = 'held', O = 'offered', X = 'cancelled', E = 'expired'}
local LETTER = {confirmed = 'C', waiting = 'W', held = 'H', offered = 'O', cancelled = 'X', expired = 'E'}

-- Parses a record into a table. Returns nil if the text is not a record.
local function read_booking(record)
  local letter, firstLetter, promoted, confirmed, cancelled, expired, expiresAt,
    quantity, reduced, createdAt, version, older, sequence, position, seconds, reference, user = string.match(
      record, '^(%u)(%u)|([%d@]*)|([%d@]*)|([%d@]*)|([%d@]*)|(%d*)'
      .. '|(%d+)([/%d@]*)|(%d+)|(%d+)|([^|]*)|(%d*)|(%d*)|([%d:]*)|([^|]*)|(.+)$')
  local status, first = STATUS[letter], STATUS[firstLetter]
  if not status or not first then return nil end
  local asked, given = string.match(seconds, '^(%d+):(%d+)$')
  local booked, reducedAt = quantity, nil
  if reduced ~= '' then
    booked, reducedAt = string.match(reduced, '^/(%d+)@(%d+)$')
    if not booked then return nil end
  end
  local ends = letter == 'H' or letter == 'O'
  local b = {
    status = status, hasTickets = ends or letter == 'C', waits = letter == 'W', ends = ends, firstStatus = first,
    promoted = promoted, confirmed = confirmed, cancelled = cancelled, expired = expired,
    expiresAt = number_of(expiresAt), quantity = number_of(quantity), booked = number_of(booked),
    reducedAt = number_of(reducedAt), createdAt = number_of(createdAt), version = number_of(version),
    older = older,
    sequence = number_of(sequence), position = number_of(position),
    seconds = seconds, asked = number_of(asked), given = number_of(given), reference = reference, user = user,
  }
  if not (b.quantity and b.booked and b.createdAt and b.version)
    or b.waits and not b.sequence or b.ends and not b.expiresAt
    or (firstLetter == 'H' or firstLetter == 'O') and not b.given then return nil end
  return b
end

-- Returns the record of a new booking. sequence is nil, and position unused, unless it waits;
-- expiresAt and seconds are empty unless it is a hold.
local function new_record(status, expiresAt, quantity, createdAt, version, older, sequence, position, seconds,
  reference, user)
  local letter = LETTER[status]
  local place = sequence and '|' .. sequence .. '|' .. position .. '|' or '|||'
  return letter .. letter .. '|||||' .. expiresAt .. '|' .. quantity .. '|' .. createdAt .. '|' .. version
    .. '|' .. older .. place .. seconds .. '|' .. reference .. '|' .. user
end
