package chart

import (
	"fmt"
	"math"
	"strconv"
)

// Scale turns a value into a coordinate.
type Scale func(value float64) float64

func linear(least, most, from, to float64) Scale {
	return func(value float64) float64 {
		return from + (min(max(value, least), most)-least)/(most-least)*(to-from)
	}
}

func logarithmic(least, most, from, to float64) Scale {
	inner := linear(math.Log10(least), math.Log10(most), from, to)
	return func(value float64) float64 { return inner(math.Log10(max(value, least))) }
}

func xScale(least, most float64) Scale {
	return linear(least, most, marginLeft, width-marginRight)
}

// CountAxis is a linear y axis from zero.
func (c *Chart) CountAxis(most float64) Scale {
	step := max(1, niceStep(most/5)) // there is no half request
	top := math.Ceil(max(most, 1)/step) * step
	y := linear(0, top, height-marginBottom, marginTop)
	for i := range int(math.Round(top/step)) + 1 {
		value := float64(i) * step // a sum of steps would drift
		c.YTicks = append(c.YTicks, Tick{At: y(value), Label: Count(value)})
	}
	return y
}

// MillisecondsAxis is a logarithmic y axis of milliseconds, from decade to decade.
func (c *Chart) MillisecondsAxis(least, most float64) Scale {
	low := math.Floor(math.Log10(max(least, 0.01)))
	high := max(math.Ceil(math.Log10(max(most, 0.1))), low+1)
	y := logarithmic(math.Pow(10, low), math.Pow(10, high), height-marginBottom, marginTop)
	for decade := low; decade <= high; decade++ {
		value := math.Pow(10, decade)
		c.YTicks = append(c.YTicks, Tick{At: y(value), Label: Milliseconds(value)})
		if decade < high {
			for _, minor := range []float64{2, 5} {
				c.YTicks = append(c.YTicks, Tick{At: y(minor * value), Minor: true, Label: Milliseconds(minor * value)})
			}
		}
	}
	return y
}

// SecondsAxis is an x axis of the run's time.
func (c *Chart) SecondsAxis(most float64) Scale {
	x := xScale(0, most)
	step := niceStep(most / 12)
	for i := range int(most/step+1e-9) + 1 {
		value := float64(i) * step
		c.XTicks = append(c.XTicks, Tick{At: x(value), Label: strconv.FormatFloat(value, 'g', 6, 64)})
	}
	c.XLabel = "seconds since the start of the load"
	return x
}

// PercentileAxis is an x axis on which each further nine takes the same room.
func (c *Chart) PercentileAxis(highest float64) Scale {
	position := func(percentile float64) float64 { return math.Log10(100 / (100 - percentile)) }
	inner := xScale(0, max(position(highest), position(99)))
	x := func(percentile float64) float64 { return inner(position(percentile)) }
	for _, percentile := range []float64{0, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 99.999, 99.9999} {
		if percentile <= highest || percentile <= 99 {
			c.XTicks = append(c.XTicks, Tick{At: x(percentile), Label: fmt.Sprintf("%g%%", percentile)})
		}
	}
	c.XLabel = "percentile of requests"
	return x
}

// ValuesAxis is a logarithmic x axis with a tick at each of the values, which ascend.
func (c *Chart) ValuesAxis(values []float64) Scale {
	least, most := values[0], values[len(values)-1]
	x := logarithmic(least, max(most, least*2), marginLeft, width-marginRight)
	for _, value := range values {
		c.XTicks = append(c.XTicks, Tick{At: x(value), Label: short(value)})
	}
	return x
}

// niceStep rounds up to 1, 2 or 5 times a power of ten.
func niceStep(value float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(value, 1e-3))))
	for _, factor := range []float64{1, 2, 5} {
		if value <= factor*power {
			return factor * power
		}
	}
	return 10 * power
}
