-- What the scripts need that write settings of an event, joined in front of them.

local function new_event(eventKey)
  return {
    key = eventKey, log = {},
    version = 0, confirmed = 0, waiting = 0, lastJoined = 0, lastServed = 0, promotionsDue = 0,
  }
end

-- Returns a setting as its field holds it.
local function setting_text(value)
  if type(value) == 'number' then return string.format('%d', value) end
  return value
end
