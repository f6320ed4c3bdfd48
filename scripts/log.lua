-- Entries of an event's log, joined in front of the scripts that write or read it. The entry
-- of version v is at index v - 1 of the list, so a missing entry cannot go unnoticed.
--
-- The entry of a new booking is its short id alone: the rest is in parts of its record that
-- never change. Every other entry is kind|at|rest, where at is in milliseconds since 1970:
--
--   E|at|by                 the event was created; by is the name of the API key of the
--                           request, or empty
--   U|at|{by, settings}     settings were changed: JSON with the new values of those changed
--   X|at|booking|promoted|by   a booking was cancelled, which promoted others: their short ids
--                           in order, separated by commas, or nothing; by is the name of the
--                           API key of the organizer who asked, or empty
--   P|at|promoted           bookings were promoted in a step of their own

local function log_entry(kind, at, ...) return table.concat({kind, string.format('%d', at), ...}, '|') end

-- Returns the booking that an entry says was made, or nil if it is of another kind.
local function booking_of_entry(entry)
  if string.find(entry, '|', 1, true) then return nil end
  return entry
end
