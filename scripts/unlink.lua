-- Removes a booking from its user's live ones, or puts it back; joined in front of the scripts
-- that end bookings.

-- Takes a booking out of its user's chain, see holdings.lua. What there is to write goes into edits,
-- see edits.lua. Returns false if the chain is broken.
local function unlink_booking(e, edits, booking, b)
  local holder = '@' .. b.user
  local tickets, oldest, newest = read_holding(edited_field(e, edits, holder))
  if not tickets or oldest == '' or tickets < b.quantity then return false end
  if oldest == newest then
    edits[holder] = ''
    return oldest == booking
  end
  tickets = tickets - b.quantity
  local younger = edited_field(e, edits, '>' .. booking)
  if booking == oldest then
    if not younger then return false end
    edits[holder] = write_holding(tickets, younger, newest)
    edits['>' .. booking] = false
    return true
  end
  if not younger then
    edits[holder] = write_holding(tickets, oldest, b.older)
    edits['>' .. b.older] = false
    return booking == newest
  end
  local record = edited_field(e, edits, younger)
  local next = record and read_booking(record)
  if not next then return false end
  next.older = b.older
  edits[holder] = write_holding(tickets, oldest, newest)
  edits['>' .. booking] = false
  edits['>' .. b.older] = younger
  edits[younger] = write_booking(next)
  return true
end

-- Puts a booking at the young end of its user's chain. Returns false if the chain is broken.
local function link_booking(e, edits, booking, b)
  local holder = '@' .. b.user
  local tickets, oldest, newest = read_holding(edited_field(e, edits, holder))
  if not tickets then return false end
  edits[holder] = write_holding(tickets + b.quantity, oldest == '' and booking or oldest, booking)
  if newest ~= '' then edits['>' .. newest] = booking end
  b.older = newest
  return true
end
