-- Removes a booking from its user's live ones, joined in front of the scripts that end a
-- booking.

-- Takes a booking out of its user's chain, see holdings.lua. It only reads: the result says
-- what to write. It is nil if the chain is broken, else a table: holding, the user's new one;
-- removed, the link to delete, if any; and if the user has both an older and a younger
-- booking, these two are linked: older, younger (short ids) and record, the younger one's.
local function unlink_booking(e, holding, booking, b)
  local tickets, oldest, newest = read_holding(holding)
  if not tickets or oldest == '' then return nil end
  if oldest == newest then return {holding = ''} end
  tickets = tickets - b.quantity
  local younger = redis.call('HGET', e.key, '>' .. booking)
  if booking == oldest then
    return younger and {holding = write_holding(tickets, younger, newest), removed = '>' .. booking}
  end
  if not younger then return {holding = write_holding(tickets, oldest, b.older), removed = '>' .. b.older} end
  local record = redis.call('HGET', e.key, younger)
  local next = record and read_booking(record)
  if not next then return nil end
  next.older = b.older
  return {
    holding = write_holding(tickets, oldest, newest), removed = '>' .. booking,
    older = b.older, younger = younger, record = write_booking(next),
  }
end
