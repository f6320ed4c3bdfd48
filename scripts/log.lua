-- Entries of an event's log, joined in front of the scripts that write or read it. The entry
-- of version v is at index v - 1 of the list, so a missing entry cannot go unnoticed.
--
-- The entry of a new booking is its short id alone: the rest is in parts of its record that
-- never change. Every other entry is kind|at|rest, where at is in milliseconds since 1970, and
-- several bookings are their short ids in order, separated by commas:
--
--   E|at|by                 the event was created; by is the name of the API key of the
--                           request, or empty
--   U|at|{by, settings}     settings were changed: JSON with the new values of those changed
--   H|at|booking            tickets were held
--   C|at|booking            a hold or an offer was confirmed
--   D|at|booking|expiresAt  a hold or an offer got a later deadline
--   X|at|booking|promoted|by   a booking was cancelled, which promoted others, or nobody; by is the
--                           name of the API key of the organizer who asked, or empty
--   R|at|booking|quantity|promoted|by   a booking was reduced to so many tickets, which promoted
--                           others, or itself, or nobody; by as above
--   T|at|expired|promoted   holds and offers expired, which promoted others, or nobody
--   P|at|promoted           bookings were promoted in a step of their own

local function log_entry(kind, at, ...) return table.concat({kind, string.format('%d', at), ...}, '|') end

-- Returns the booking that an entry says was made, or nil if it is of another kind.
local function booking_of_entry(entry)
  if string.find(entry, '|', 1, true) then return string.match(entry, '^H|%d+|(.*)$') end
  return entry
end

-- Returns the kind of an entry and the bookings that it says were promoted. Of one that is missing, the
-- kind is nil.
local function promotions_of_entry(entry)
  local kind, rest = string.match(entry or '', '^(%u)|%d+|(.*)$')
  local promoted = kind == 'P' and rest or kind == 'X' and string.match(rest, '^[^|]+|([^|]*)|')
    or kind == 'R' and string.match(rest, '^[^|]+|%d+|([^|]*)|')
    or kind == 'T' and string.match(rest, '^[^|]+|([^|]*)$') or ''
  local ids = {}
  for id in string.gmatch(promoted, '[^,]+') do ids[#ids + 1] = id end
  return kind, ids
end
