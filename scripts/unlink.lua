-- How a booking ends to be live, joined in front of the scripts that end one.

-- Takes a booking out of its user's chain of live ones, see holdings.lua, and returns the
-- user's holding as it is after that, or nil if there is none to take it out of.
--
-- It writes what concerns the neighbours at once, before anybody is promoted: the record
-- of the next younger one may change again in the same step. HDEL comes first: a full
-- Redis lets it through, and after it the rest of the script.
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
