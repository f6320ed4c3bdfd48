-- Reads one booking.
--
-- KEYS[1]  event           hash
-- KEYS[2]  withdrawn       sorted set
-- ARGV[1]  booking         short id
-- Returns  {word, uuid, promotionsDue, record, position, deadline}
--   found      uuid is the event's; promotionsDue is 1 if promote.lua has work; position is
--              the place in the waiting list, or 0 if the booking does not wait; deadline is the
--              event's earliest, or 0, in milliseconds since 1970
--   no_event, no_booking
--   unknown_format: a later version of the service made the event
--   corrupt    what is stored of the event, or the record of the booking, is broken

local eventKey, withdrawnKey = KEYS[1], KEYS[2]
local booking = ARGV[1]

local e, refusal, record = load_event(eventKey, '', booking)
if refusal then return {refusal, '', 0, '', 0, 0} end
if not record then return {'no_booking', '', 0, '', 0, 0} end
local b = read_booking(record)
if not b then return {'corrupt', '', 0, '', 0, 0} end
return {'found', e.uuid, e.promotionsDue, record, waiting_position(e, withdrawnKey, b), e.deadline}
