-- Numbers in texts; joined in front of the scripts that read stored numbers.

-- Returns the number that a text is, or nil. As in Go, it is digits alone, no zero in front,
-- and no more digits than Lua keeps; tonumber would take ' 12 ', 0x10 and 1e3.
local function whole_number(text)
  if text and #text <= 15 and (text == '0' or string.find(text, '^[1-9]%d*$')) then return tonumber(text) end
  return nil
end
