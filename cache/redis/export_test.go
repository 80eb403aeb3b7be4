package redis

import "time"

// RatesOf are Rates of a shorter minute.
func (c *Client) RatesOf(minute time.Duration) *Rates { return &Rates{c, minute} }
