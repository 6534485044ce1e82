package mapping_test

import (
	"strings"
	"testing"
)

func TestTypes_WhatTheyReadAndWrite(t *testing.T) {
	t.Parallel()
	nines := strings.Repeat("9", 1000)
	for kind, cases := range map[string]map[string]string{
		"text": {
			`"a"`: "a", `""`: "", `"\n\ud83d\ude00"`: "\n😀", `5`: "wrong_type c", `true`: "wrong_type c", `{}`: "wrong_type c", `[]`: "wrong_type c", `null`: null,
		},
		"integer": {
			`5`: "5", `-5`: "-5", `0`: "0", `-0`: "0", `-0.0e5`: "0", `10.0`: "10", `1e3`: "1000", `1.5e1`: "15", `100e-2`: "1", `9007199254740993`: "9007199254740993",
			`123456789012345678901234567890`: "123456789012345678901234567890", `0.0e999999999999`: "0", nines: nines, nines + "9": "out_of_range c",
			`1.5`: "wrong_type c", `1e-1`: "wrong_type c", `1e1001`: "out_of_range c", `1e999999999999`: "out_of_range c", `1e-999999999999`: "out_of_range c", `"5"`: "wrong_type c", `true`: "wrong_type c", `[5]`: "wrong_type c",
		},
		"numeric": {
			`1.50`: "1.50", `-0.1`: "-0.1", `1E+2`: "1E+2", `0.1000000000000000055511151231257827`: "0.1000000000000000055511151231257827",
			`1e999`: "1e999", `1e1000`: "out_of_range c", `1e-1001`: "out_of_range c", `0.` + nines: "out_of_range c", `"1"`: "wrong_type c",
		},
		"float": {
			`1.50`: "1.5", `1e3`: "1000", `0.1`: "0.1", `1e400`: "out_of_range c", `-1e400`: "out_of_range c", `1e-400`: "0", `1.7976931348623157e308`: "1.7976931348623157e+308", `5e-324`: "5e-324", `"1"`: "wrong_type c",
		},
		"boolean": {`true`: "true", `false`: "false", `"true"`: "wrong_type c", `1`: "wrong_type c", `null`: null},
		"uuid": {
			`"1a8c0722-fd55-49c0-9d63-b88d066c902d"`: "1a8c0722-fd55-49c0-9d63-b88d066c902d", `"1A8C0722-FD55-49C0-9D63-B88D066C902D"`: "1a8c0722-fd55-49c0-9d63-b88d066c902d",
			`"1a8c0722fd5549c09d63b88d066c902d"`: "bad_format c", `"{1a8c0722-fd55-49c0-9d63-b88d066c902d}"`: "bad_format c", `"1a8c0722-fd55-49c0-9d63-b88d066c902g"`: "bad_format c",
			`"1a8c0722-fd55-49c0-9d63b-88d066c902d"`: "bad_format c", `""`: "bad_format c", `5`: "wrong_type c",
		},
		"ip": {
			`"192.0.2.1"`: "192.0.2.1", `"::ffff:192.0.2.1"`: "192.0.2.1", `"2001:DB8::0:1"`: "2001:db8::1", `"::"`: "::",
			`"192.0.2.01"`: "bad_format c", `"192.0.2"`: "bad_format c", `"192.0.2.1/24"`: "bad_format c", `"fe80::1%eth0"`: "bad_format c", `"::ffff:1.2.3.4%1"`: "bad_format c", `" 192.0.2.1"`: "bad_format c", `""`: "bad_format c", `3221225985`: "wrong_type c",
		},
		"date": {
			`"2024-02-29"`: "2024-02-29", `"0001-01-01"`: "0001-01-01", `"9999-12-31"`: "9999-12-31", `"0000-01-01"`: "out_of_range c", `"2023-02-29"`: "bad_format c", `"2100-02-29"`: "bad_format c", `"2024-13-01"`: "bad_format c", `"2024-00-01"`: "bad_format c", `"2024-01-00"`: "bad_format c",
			`"2024-1-1"`: "bad_format c", `"20240101"`: "bad_format c", `"2024-01-01T00:00:00Z"`: "bad_format c", `"now"`: "bad_format c", `"+024-01-01"`: "bad_format c", `1718206942`: "wrong_type c",
		},
		"timestamp": {
			`"2024-06-12T15:42:22.785Z"`: "2024-06-12T15:42:22.785000Z", `"2024-06-12t15:42:22z"`: "2024-06-12T15:42:22.000000Z", `"2024-06-12 15:42:22+00:00"`: "2024-06-12T15:42:22.000000Z",
			`"2024-06-12T01:00:00+02:30"`: "2024-06-11T22:30:00.000000Z", `"2024-06-12T23:00:00-02:00"`: "2024-06-13T01:00:00.000000Z", `"2024-12-31T23:59:59.9999999999Z"`: "2024-12-31T23:59:59.999999Z",
			`"0001-01-01T00:00:00+00:01"`: "out_of_range c", `"9999-12-31T23:59:00-00:01"`: "out_of_range c", `"0000-12-31T23:59:00Z"`: "out_of_range c",
			`"2024-06-12"`: "bad_format c", `"2024-06-12T15:42:22"`: "bad_format c", `"2024-06-12T15:42Z"`: "bad_format c", `"2024-06-12T24:00:00Z"`: "bad_format c", `"2024-06-12T15:60:00Z"`: "bad_format c", `"2024-06-12T15:42:60Z"`: "bad_format c",
			`"2024-06-12T15:42:22.Z"`: "bad_format c", `"2024-06-12T15:42:22,5Z"`: "bad_format c", `"2024-06-12T15:42:22+0200"`: "bad_format c", `"2024-06-12T15:42:22+24:00"`: "bad_format c", `"2024-06-12T15:42:22ZZ"`: "bad_format c", `"2024-06-12_15:42:22Z"`: "bad_format c",
			`"2023-02-29T00:00:00Z"`: "bad_format c", `""`: "bad_format c", `0`: "wrong_type c",
		},
		"version": {
			`"2.3.0"`: "2003000", `"6.02"`: "6002000", `"0.96"`: "96000", `"7"`: "7000000", `"999.999.999"`: "999999999", `"0"`: "0",
			`"1.2.3.4"`: "bad_format c", `"1000"`: "bad_format c", `"1."`: "bad_format c", `".1"`: "bad_format c", `"1..2"`: "bad_format c", `"v1"`: "bad_format c", `"1.2-beta"`: "bad_format c", `""`: "bad_format c", `2.3`: "wrong_type c",
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			program := compile(t, columns("c: {type: "+kind+"}"))
			for value, want := range cases {
				if got := outcome(program, record(`{"c":`+value+`}`)); got != want {
					t.Errorf("%.60s: got %.60s, want %.60s", value, got, want)
				}
			}
		})
	}
}

func TestLimits_BoundsAndSets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ column, value, want string }{
		{"{max: 3}", `"äöü"`, "äöü"},
		{"{max: 3}", `"abcd"`, "too_long c"},
		{"{max: 3, normalize: [trim]}", `" abc "`, "abc"},
		{"{min: 2}", `"😀"`, "out_of_range c"},
		{"{min: 0, max: 0}", `""`, ""},
		{"{min: 2, max: 2, mask: {kind: redact}}", `"abc"`, "too_long c"},
		{"{type: integer, min: -1, max: 10}", `10`, "10"},
		{"{type: integer, min: -1, max: 10}", `11`, "out_of_range c"},
		{"{type: integer, min: -1, max: 10}", `-1`, "-1"},
		{"{type: integer, min: -1, max: 10}", `-2`, "out_of_range c"},
		{"{type: integer, min: -1, max: 10}", `0`, "0"},
		{"{type: integer, max: 9007199254740992}", `9007199254740993`, "out_of_range c"},
		{"{type: integer, max: -100}", `-99`, "out_of_range c"},
		{"{type: integer, max: -100}", `-101`, "-101"},
		{"{type: numeric, min: 0.10}", `0.0999999999999999999999`, "out_of_range c"},
		{"{type: numeric, min: 0.10}", `1e-1`, "1e-1"},
		{"{type: float, max: 0.5}", `0.50`, "0.5"},
		{"{type: float, max: 0.5}", `0.51`, "out_of_range c"},
		{"{in: [a, b]}", `"b"`, "b"},
		{"{in: [a, b]}", `"B"`, "not_in_set c"},
		{"{in: [a, b], normalize: [lower]}", `"B"`, "b"},
		{"{in: [a, b]}", `null`, null},
		{"{type: numeric, in: [1, 2.50]}", `1.0`, "1.0"},
		{"{type: numeric, in: [1, 2.50]}", `25e-1`, "25e-1"},
		{"{type: numeric, in: [1, 2.50]}", `2`, "not_in_set c"},
		{"{type: boolean, in: [true]}", `false`, "not_in_set c"},
		{"{type: version, in: ['1.2']}", `"1.2.0"`, "1002000"},
		{"{type: date, in: [2024-01-01]}", `"2024-01-01"`, "2024-01-01"},
		{"{type: ip, in: ['::1'], mask: {kind: redact}}", `"0:0:0:0:0:0:0:1"`, "***"},
	} {
		if got := one(t, test.column, `{"c":`+test.value+`}`); got != test.want {
			t.Errorf("%s of %s: got %s, want %s", test.column, test.value, got, test.want)
		}
	}
}

func TestSources_DefaultRequiredAndFirstPresent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ column, body, want string }{
		{"{}", `{"c":"v"}`, "v"},
		{"{}", `{}`, null},
		{"{required: true}", `{}`, "missing c"},
		{"{required: true}", `{"c":null}`, "missing c"},
		{"{required: true}", `{"c":""}`, ""},
		{"{required: true, normalize: [trim, empty_to_null]}", `{"c":" "}`, "missing c"},
		{"{default: d}", `{}`, "d"},
		{"{default: d}", `{"c":null}`, "d"},
		{"{default: d}", `{"c":""}`, ""},
		{"{default: d, normalize: [empty_to_null]}", `{"c":""}`, "d"},
		{"{default: ' D ', normalize: [trim, lower]}", `{}`, "d"},
		{"{default: '1.2', type: version}", `{}`, "1002000"},
		{"{default: 1e2, type: integer}", `{}`, "100"},
		{"{default: true, type: boolean}", `{}`, "true"},
		{"{default: 2024-01-31, type: date}", `{}`, "2024-01-31"},
		{"{default: d, mask: {kind: redact}}", `{}`, "***"},
		{"{from: a.b}", `{"a":{"b":"v"},"c":"no"}`, "v"},
		{"{from: a.b}", `{"a":[{"b":"v"}]}`, null},
		{"{from: a.b}", `{"a":"b"}`, null},
		{"{from: a}", `{"a":{"b":"v"}}`, "wrong_type a"},
		{"{from: items.1.sku}", `{"items":[{"sku":"x"},{"sku":"v"}]}`, "v"},
		{"{from: items.1.sku}", `{"items":{"1":{"sku":"v"}}}`, "v"},
		{"{from: items.1.sku}", `{"items":[{"sku":"x"}]}`, null},
		{"{from: 'ctx.\"x.y\".z'}", `{"ctx":{"x.y":{"z":"v"},"x":{"y":{"z":"no"}}}}`, "v"},
		{"{from: '\"a\"\"b\"'}", `{"a\"b":"v"}`, "v"},
		{"{from: [a, b, c]}", `{"c":"third","b":null}`, "third"},
		{"{from: [a, b]}", `{"b":"second","a":"first"}`, "first"},
		{"{from: [a, b]}", `{"b":"second","a":""}`, ""},
		{"{value: fix}", `{"c":"no"}`, "fix"},
		{"{value: 7, type: integer}", `{}`, "7"},
		{"{normalize: [upper]}", `{"c":"straße ⱥ"}`, "STRAßE Ⱥ"},
		{"{normalize: [lower, upper, trim, lower, digits]}", `{"c":" ⱥ1Ⱥ2 "}`, "12"},
		{"{normalize: [upper, trim, lower]}", `{"c":" ⱥbc "}`, "ⱥbc"},
		{"{normalize: [digits]}", `{"c":"(030) 12-٣4"}`, "030124"},
	} {
		if got := one(t, test.column, test.body); got != test.want {
			t.Errorf("%s of %s: got %s, want %s", test.column, test.body, got, test.want)
		}
	}
}
