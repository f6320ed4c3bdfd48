-- A new event, and how settings are stored; joined in front of the scripts that write settings.

local function new_event(eventKey)
  return {
    key = eventKey, log = {},
    version = 0, confirmed = 0, waiting = 0, lastJoined = 0, lastServed = 0, promotionsDue = 0,
  }
end

-- Returns the text of a setting's field, given its value in the JSON of an argument.
local function setting_text(value)
  if type(value) == 'number' then return string.format('%d', value) end
  return value
end
