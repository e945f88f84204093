// SPDX-License-Identifier: Apache-2.0
// Keeps a copy of a list up to date. Go 1.18 or newer, nothing else: go run poll.go, or go build poll.go
//
//	poll LIST FILE [SECONDS]     LIST: products, stock or prices of the Customer API; every SECONDS, or once
//	poll kss PATH FILE           all pages of a list of the KSS API: '/products?Statuses=1,2'
//
// FILE becomes {"etag": ..., "rows": [...]}, each row exactly as it was sent. Environment: KISS_URL, KISS_CLIENT_ID,
// KISS_CLIENT_SECRET; KSS_URL, KSS_KEY; KISS_CA, a file with the CA if it is one of your own.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"
)

const (
	patience    = 10 * time.Minute // for a whole answer
	longestWait = 3600             // seconds: what a limit can ask for
)

// kept is the content of FILE. A row stays the text that was sent: a float64 would make 19.95 of 19.9500.
type kept struct {
	ETag string            `json:"etag,omitempty"`
	Rows []json.RawMessage `json:"rows"`
}

type delta struct {
	Added, Changed []json.RawMessage
	Removed        []string
}

// answer is one whole answer: io.ReadAll fails when Content-Length, the last chunk or the end of the gzip data is missing.
type answer struct {
	status int
	header http.Header
	body   []byte
}

var client = &http.Client{Timeout: patience}

func useCA() error {
	file := os.Getenv("KISS_CA")
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	client.Transport = transport
	return nil
}

// once leaves Accept-Encoding to net/http: it asks for gzip and unpacks it. It also repeats a GET by itself when a kept
// connection turns out to have been closed.
func once(method, address string, header map[string]string, body string) (answer, error) {
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, data}, err
}

// ask tries a lost connection again once, 429 and 503 as long as they ask to wait.
func ask(method, address string, header map[string]string, body string) (answer, error) {
	for lost, waits := 0, 0; ; {
		a, err := once(method, address, header, body)
		if err != nil {
			if lost++; lost > 1 {
				return a, err
			}
			continue
		}
		if a.status != 429 && a.status != 503 || waits == 5 {
			return a, nil
		}
		seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil {
			seconds = 30
		}
		if seconds > longestWait {
			return a, nil
		}
		waits++
		fmt.Printf("%s: %d, waiting %d s\n", address, a.status, seconds)
		time.Sleep(time.Duration(seconds) * time.Second)
	}
}

// failed says what an error says: error_description (token), error, Error (KSS), message (429); 401 has no body.
func failed(what string, a answer) error {
	var body map[string]any
	_ = json.Unmarshal(a.body, &body)
	for _, key := range []string{"error_description", "error", "Error", "message"} {
		if text, ok := body[key].(string); ok {
			return fmt.Errorf("%s: %d %s", what, a.status, text)
		}
	}
	return fmt.Errorf("%s: %d", what, a.status)
}

var token string
var renewAt time.Time

func bearer() (string, error) {
	if token != "" && time.Now().Before(renewAt) {
		return token, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {os.Getenv("KISS_CLIENT_ID")},
		"client_secret": {os.Getenv("KISS_CLIENT_SECRET")}}.Encode()
	a, err := ask("POST", os.Getenv("KISS_URL")+"/auth/token",
		map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, form)
	if err != nil {
		return "", err
	}
	if a.status != 200 {
		return "", failed("/auth/token", a)
	}
	var got struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal(a.body, &got); err != nil {
		return "", err
	}
	lifetime := time.Duration(got.ExpiresIn) * time.Second
	early := lifetime - 5*time.Minute
	if early < lifetime/2 {
		early = lifetime / 2
	}
	token, renewAt = got.AccessToken, time.Now().Add(early)
	return token, nil
}

func get(path string, header map[string]string) (answer, error) {
	for first := true; ; first = false {
		t, err := bearer()
		if err != nil {
			return answer{}, err
		}
		header["Authorization"] = "Bearer " + t
		a, err := ask("GET", os.Getenv("KISS_URL")+path, header, "")
		if err != nil || a.status != 401 || !first {
			return a, err
		}
		token = "" // its key was retired, or the clock was set: another one, once
	}
}

func poll(name, file string) (string, error) {
	var old kept
	header := map[string]string{}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &old)
		// The tag goes back as it came, -gzip and all.
		header["If-None-Match"], header["A-IM"] = old.ETag, "sku-delta"
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	a, err := get("/"+name, header)
	if err != nil {
		return "", err
	}
	fresh := kept{ETag: a.header.Get("ETag")}
	switch a.status {
	case 304:
		return "304, nothing has changed", nil
	case 200:
		err = json.Unmarshal(a.body, &fresh.Rows)
	case 226:
		fresh.Rows, err = apply(old.Rows, a.body)
	default:
		return "", failed("/"+name, a)
	}
	if err != nil {
		return "", fmt.Errorf("/%s: this is not the JSON that was expected: %w", name, err)
	}
	return fmt.Sprintf("%d, %d rows", a.status, len(fresh.Rows)), write(file, fresh)
}

func sku(row json.RawMessage) string {
	var r struct{ SKU string }
	_ = json.Unmarshal(row, &r)
	return r.SKU
}

// apply replaces all rows of a SKU that has changed. A delta may be empty: then only the tag is new.
func apply(rows []json.RawMessage, text []byte) ([]json.RawMessage, error) {
	var d delta
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	gone := map[string]bool{}
	for _, s := range d.Removed {
		gone[s] = true
	}
	for _, row := range d.Changed {
		gone[sku(row)] = true
	}
	type keyed struct {
		sku string
		row json.RawMessage
	}
	all := []keyed{}
	for _, row := range rows {
		if s := sku(row); !gone[s] {
			all = append(all, keyed{s, row})
		}
	}
	for _, row := range append(d.Changed, d.Added...) {
		all = append(all, keyed{sku(row), row})
	}
	// Stable: rows of one SKU stay in their order.
	sort.SliceStable(all, func(i, j int) bool { return all[i].sku < all[j].sku })
	rows = make([]json.RawMessage, len(all))
	for i, k := range all {
		rows[i] = k.row
	}
	return rows, nil
}

// write replaces rows and their tag together, or not at all.
func write(file string, content kept) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(content); err != nil {
		return err
	}
	f, err := os.Create(file + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(text.Bytes())
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func kss(path, file string) (string, error) {
	all := kept{Rows: []json.RawMessage{}}
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	for page := 1; ; page++ {
		address := fmt.Sprintf("%s%s%sPageSize=500&Page=%d", os.Getenv("KSS_URL"), path, separator, page)
		a, err := ask("GET", address, map[string]string{"x-api-key": os.Getenv("KSS_KEY")}, "")
		if err != nil {
			return "", err
		}
		if a.status != 200 {
			return "", failed(path, a)
		}
		var got struct {
			Data        []json.RawMessage
			HasNextPage bool
		}
		if err := json.Unmarshal(a.body, &got); err != nil {
			return "", err
		}
		all.Rows = append(all.Rows, got.Data...)
		if !got.HasNextPage {
			return fmt.Sprintf("%d rows", len(all.Rows)), write(file, all)
		}
	}
}

func run(args []string) error {
	if err := useCA(); err != nil {
		return err
	}
	if len(args) == 3 && args[0] == "kss" {
		said, err := kss(args[1], args[2])
		if err == nil {
			fmt.Println(said)
		}
		return err
	}
	if len(args) != 2 && len(args) != 3 {
		return errors.New("usage: poll LIST FILE [SECONDS] | poll kss PATH FILE")
	}
	for {
		said, err := poll(args[0], args[1])
		if err == nil {
			fmt.Printf("%s: %s\n", args[0], said)
		}
		if len(args) == 2 {
			return err
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		seconds, _ := strconv.ParseFloat(args[2], 64)
		time.Sleep(time.Duration(seconds * float64(time.Second)))
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "poll:", err)
		os.Exit(1)
	}
}
