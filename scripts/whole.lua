-- Numbers in texts; joined in front of the scripts that read stored numbers.

-- Returns the number that digits are, or nil: as in Go, no zero in front, and no more digits than
-- Lua keeps. It is for what a pattern has found to be digits alone, as much as there is.
local function number_of(digits)
  if digits and #digits <= 15 and (string.byte(digits) ~= 48 or digits == '0') then return tonumber(digits) end
  return nil
end

-- Returns the number that a text is, or nil. tonumber would take ' 12 ', 0x10 and 1e3.
local function whole_number(text)
  return text and string.find(text, '^%d+$') and number_of(text)
end
