// Prints what robfig/cron v3.0.1 makes of many expressions, as rows for tests/unit/test_cron.c.
//
// Run it in this folder: go run . > ../robfig.inc
//
// Each row: the expression, an instant, and the next firings after it in UTC; NULL-free C. A row
// with no firings and accepted = false is an expression that robfig/cron refuses. Expressions in
// which Tidemill differs on purpose are not in it: 7 as Sunday, @every, TZ=, and what robfig/cron
// takes but can never fire (for robfig/cron: within five years).
package main

import (
	"fmt"
	"math/rand"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	firings   = 4   // next times in a row
	generated = 900 // rows made at random, over those written by hand
	seed      = 20261123
)

type field struct {
	low, high int
	names     []string
}

var fields = []field{
	{0, 59, nil},
	{0, 23, nil},
	{1, 31, nil},
	{1, 12, strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")},
	{0, 6, strings.Fields("sun mon tue wed thu fri sat")},
}

var written = []string{
	"* * * * *", "*/15 * * * *", "0 3 * * *", "0 0 1 * *", "0 0 29 2 *", "0 0 31 * *",
	"0 0 13 * 5", "0 0 13 * fri", "0 0 */2 * 1", "0 0 */1 * 1", "0 0 1 * */2", "0 0 1 * */1",
	"0 0 ? * 1", "0 0 1 * ?", "? ? ? ? ?", "0 0 ?/2 * 1", "0 0 1,* * 1", "0 0 1 * 1,*",
	"5/10 * * * *", "0 22/1 * * *", "0 0 1/1 * 1", "59 23 31 12 *", "0 0 1 JAN Sun", "+5 03 * * *",
	"0 0 1 jan-mar/2 *", "0 0 * * mon-fri", "0 0 * * 1/2", "0 0 * * 0/3", "0 0 * * 6/1", "1,,2 0 * * *",
	",1, 0 * * *", "*-5 0 * * *", "*-5/7 0 * * *", "*/100 * * * *", "0\t0  1 1 *", " 0 0 1 1 * ",
	"0-59/29,7 */6 * * *", "30 1-5/2,20 1-7 * 1", "0 0 28-31 2 *", "0 0 30,31 4,6,9,11,12 *",
	"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually",
	// refused
	"", "*", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *",
	"* * * 0 *", "* * * 13 *", "* * * * 8", "-1 * * * *", "1- * * * *", "1-2-3 * * * *",
	"*/0 * * * *", "*/ * * * *", "*/-2 * * * *", "*/2/3 * * * *", "/5 * * * *", "5-1 * * * *",
	"a * * * *", "* * * foo *", "* * * * monday", "1.5 * * * *", "* * * * sat-sun", "@Hourly",
	"@reboot", "@daily ", " @daily", "@", "99999999999999999999 * * * *", "+ * * * *", "** * * * *",
	"*5 * * * *", "0x5 * * * *", "5/5/ * * * *", "1-/2 * * * *", "jan * * * *", "* * sun * *",
	"L * * * *", "0 0 L * *", "0 0 15W * *", "0 0 * * 5#3", "5 / 10 * * *", "--5 * * * *",
	"*/99999999999999999999 * * * *",
}

func value(random *rand.Rand, of field, number int) string {
	if of.names != nil && random.Intn(3) == 0 {
		name := of.names[number-of.low]
		if random.Intn(2) == 0 {
			name = strings.ToUpper(name)
		}
		return name
	}
	return fmt.Sprint(number)
}

func part(random *rand.Rand, of field) string {
	low := of.low + random.Intn(of.high-of.low+1)
	high := low + random.Intn(of.high-low+1)
	step := 1 + random.Intn(of.high/2+1)
	switch random.Intn(12) {
	case 0, 1, 2:
		return "*"
	case 3:
		return "?"
	case 4, 5:
		return fmt.Sprintf("*/%d", step)
	case 6:
		return fmt.Sprintf("%s/%d", value(random, of, low), step)
	case 7:
		return fmt.Sprintf("%s-%s/%d", value(random, of, low), value(random, of, high), step)
	case 8:
		return fmt.Sprintf("%s-%s", value(random, of, low), value(random, of, high))
	default:
		return value(random, of, low)
	}
}

func expression(random *rand.Rand) string {
	texts := make([]string, len(fields))
	for at, of := range fields {
		parts := make([]string, 1)
		if random.Intn(4) == 0 {
			parts = make([]string, 1+random.Intn(3))
		}
		for index := range parts {
			parts[index] = part(random, of)
		}
		texts[at] = strings.Join(parts, ",")
	}
	return strings.Join(texts, " ")
}

func row(text string, after time.Time) {
	schedule, err := cron.ParseStandard(text)
	times := []string{}
	if err == nil {
		at := after
		for len(times) < firings {
			at = schedule.Next(at)
			if at.IsZero() {
				return // it gives up after five years
			}
			times = append(times, fmt.Sprint(at.Unix()))
		}
	}
	if err != nil {
		times = []string{"0"}
	}
	fmt.Printf("    {%q, %t, %d, {%s}},\n", text, err == nil, after.Unix(), strings.Join(times, ", "))
}

func main() {
	random := rand.New(rand.NewSource(seed))
	fmt.Println("/* Made by tests/unit/cron/robfig/main.go with robfig/cron v3.0.1; not edited. */")
	instant := func() time.Time {
		const seconds = 130 * 365 * 86400 // from 1970 to about 2100
		return time.Unix(random.Int63n(seconds), 0).UTC()
	}
	for _, text := range written {
		row(text, time.Date(2026, 2, 27, 23, 59, 30, 0, time.UTC))
		row(text, instant())
	}
	for range generated {
		row(expression(random), instant())
	}
}
