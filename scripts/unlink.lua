-- Removes a booking from its user's live ones, joined in front of the scripts that end a
-- booking.

-- Takes a booking out of its user's chain, see holdings.lua. Returns the user's new holding,
-- or nil if the user has no holding that could contain the booking.
--
-- The neighbours in the chain are written at once, before any booking is promoted, since
-- promotion may change the record of the next younger one again. HDEL comes first: a full
-- Redis accepts it, and then the writes that follow.
local function unlink_booking(e, holding, booking, b)
  local tickets, oldest, newest = read_holding(holding)
  if not tickets or oldest == '' then return nil end
  if oldest == newest then return '' end
  local younger = redis.call('HGET', e.key, '>' .. booking)
  redis.call('HDEL', e.key, '>' .. (younger and booking or b.older))
  if booking == oldest then
    oldest = younger
  elseif not younger then
    newest = b.older
  else
    local next = read_booking(redis.call('HGET', e.key, younger))
    next.older = b.older
    redis.call('HSET', e.key, '>' .. b.older, younger, younger, write_booking(next))
  end
  return write_holding(tickets - b.quantity, oldest, newest)
end
