package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// days is a flag for long times: "90d", or what [time.ParseDuration] takes. It is
// never negative.
type days time.Duration

func (d *days) Set(s string) error {
	if count, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(count, 10, 16)
		if err != nil {
			return fmt.Errorf("want a number of days, such as 90d")
		}
		*d = days(n) * days(24*time.Hour)
		return nil
	}
	t, err := time.ParseDuration(s)
	if err != nil || t < 0 {
		return fmt.Errorf("want a time, such as 90d or 36h")
	}
	*d = days(t)
	return nil
}

func (d *days) String() string {
	t := time.Duration(*d)
	switch {
	case t == 0:
		return ""
	case t%(24*time.Hour) == 0:
		return strconv.FormatInt(int64(t/(24*time.Hour)), 10) + "d"
	default:
		return t.String()
	}
}

func (*days) Type() string { return "time" }
