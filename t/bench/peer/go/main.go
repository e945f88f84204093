// SPDX-License-Identifier: Apache-2.0
// The Go peer of t/bench/peers: net/http and go-sql-driver, one process with a thread for each core, kept connections,
// statements prepared once. Everything it needs to know comes from the environment (t/bench/lib/KissBench/Peers.pm).
package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql"
)

var (
	secret   = decodeKey(os.Getenv("BENCH_SECRET"))
	keyID    = os.Getenv("BENCH_KEY_ID")
	issuer   = os.Getenv("BENCH_ISSUER")
	customer = open("BENCH_CUSTOMER_DB")
	kss      = open("BENCH_KSS_DB")
)

func decodeKey(text string) []byte {
	key, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		log.Fatal(err)
	}
	return key
}

func open(database string) *sql.DB {
	db, err := sql.Open("mysql", os.Getenv("BENCH_DB_USER")+":"+os.Getenv("BENCH_DB_PASSWORD")+
		"@unix("+os.Getenv("BENCH_SOCKET")+")/"+os.Getenv(database)+"?charset=utf8mb4")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(32)
	db.SetMaxIdleConns(32)
	return db
}

func prepare(db *sql.DB, text string) *sql.Stmt {
	s, err := db.Prepare(text)
	if err != nil {
		log.Fatal(err, ": ", text)
	}
	return s
}

func send(w http.ResponseWriter, status int, value interface{}) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		log.Print(err)
	}
}

func sendError(w http.ResponseWriter, status int, text string) {
	send(w, status, map[string]string{"error": text})
}

// --- tokens

type claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	Client   string `json:"client_id"`
	ID       string `json:"jti"`
	Issued   int64  `json:"iat"`
	Begins   int64  `json:"nbf"`
	Expires  int64  `json:"exp"`
}

func mac(text string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func sign(code string) (string, error) {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return "", err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	now := time.Now().Unix()
	body, err := json.Marshal(claims{issuer, issuer, code, code, b64(id), now, now, now + 3600})
	if err != nil {
		return "", err
	}
	text := b64([]byte(`{"alg":"HS256","typ":"JWT","kid":"`+keyID+`"}`)) + "." + b64(body)
	return text + "." + b64(mac(text)), nil
}

// The customer code of a valid token, or "".
func verify(r *http.Request) string {
	part := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if len(part) != 3 {
		return ""
	}
	var header struct{ Alg, Kid string }
	var c claims
	head, err1 := base64.RawURLEncoding.DecodeString(part[0])
	body, err2 := base64.RawURLEncoding.DecodeString(part[1])
	signature, err3 := base64.RawURLEncoding.DecodeString(part[2])
	if err1 != nil || err2 != nil || err3 != nil || json.Unmarshal(head, &header) != nil || header.Alg != "HS256" ||
		header.Kid != keyID || !hmac.Equal(signature, mac(part[0]+"."+part[1])) || json.Unmarshal(body, &c) != nil {
		return ""
	}
	now := time.Now().Unix()
	if now >= c.Expires || now+30 < c.Begins || c.Issuer != issuer || c.Audience != issuer || c.Subject != c.Client {
		return ""
	}
	return c.Subject
}

var credentials = prepare(customer, `SELECT k.key_id, k.hash,
	u.last_used_at IS NULL OR u.last_used_at < UTC_TIMESTAMP() - INTERVAL 1 MINUTE
	FROM customer c JOIN api_key k ON k.customer_code = c.customer_code LEFT JOIN key_usage u ON u.key_id = k.key_id
	WHERE c.customer_code = ? AND c.enabled AND k.revoked_at IS NULL
	AND (k.expires_at IS NULL OR k.expires_at > UTC_TIMESTAMP())`)
var keyUsed = prepare(customer, `INSERT INTO key_usage (key_id, last_used_at) VALUES (?, UTC_TIMESTAMP())
	ON DUPLICATE KEY UPDATE last_used_at = VALUES(last_used_at)`)

func checkKey(code, given string) (bool, error) {
	hash := sha256.Sum256([]byte(given))
	rows, err := credentials.Query(code)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var known []byte
		var due bool
		if err := rows.Scan(&id, &known, &due); err != nil {
			return false, err
		}
		if subtle.ConstantTimeCompare(hash[:], known) == 1 {
			if due {
				_, err = keyUsed.Exec(id)
			}
			return err == nil, err
		}
	}
	return false, rows.Err()
}

func token(w http.ResponseWriter, r *http.Request) {
	if r.Method != "POST" || r.PostFormValue("grant_type") != "client_credentials" {
		sendError(w, 400, "unsupported_grant_type")
		return
	}
	code := r.PostFormValue("client_id")
	ok, err := checkKey(code, r.PostFormValue("client_secret"))
	if err == nil && !ok {
		sendError(w, 401, "invalid_client")
		return
	}
	var text string
	if err == nil {
		text, err = sign(code)
	}
	if err != nil {
		sendError(w, 500, err.Error())
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	send(w, 200, struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Expires int    `json:"expires_in"`
	}{text, "Bearer", 3600})
}

// --- lists

type terms struct{ list, name, currency, warehouse, discount string }

var customerByCode = prepare(customer, `SELECT COALESCE(c.price_list_code, ''), COALESCE(l.price_list_name, ''),
	COALESCE(l.currency_code, ''), COALESCE(c.stock_location, ''), c.discount_percent
	FROM customer c LEFT JOIN price_list l ON l.price_list_code = c.price_list_code
	WHERE c.customer_code = ? AND c.enabled`)

// list answers with what `read` makes for the customer, from one moment of the database.
func list(read func(*sql.Tx, *terms) (interface{}, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		code := verify(r)
		if code == "" {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(401)
			return
		}
		var t terms
		err := customerByCode.QueryRow(code).Scan(&t.list, &t.name, &t.currency, &t.warehouse, &t.discount)
		if errors.Is(err, sql.ErrNoRows) {
			sendError(w, 404, "Customer not found.")
			return
		}
		var answer interface{}
		if err == nil {
			answer, err = inSnapshot(r.Context(), &t, read)
		}
		if err != nil {
			sendError(w, 500, err.Error())
			return
		}
		send(w, 200, answer)
	}
}

func inSnapshot(ctx context.Context, t *terms, read func(*sql.Tx, *terms) (interface{}, error)) (interface{}, error) {
	tx, err := customer.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	return read(tx, t)
}

// each runs a statement and calls scan for each row.
func each(tx *sql.Tx, s *sql.Stmt, scan func(*sql.Rows) error, args ...interface{}) error {
	rows, err := tx.Stmt(s).Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

type price struct {
	PriceListCode, PriceListName, CurrencyCode, SKU string
	PriceExclVAT, MOQ, OrderMultiple                json.Number
}

var pricesByList = prepare(customer, `SELECT p.sku,
	ROUND(p.unit_price * IF(p.discount_eligible, 100 - CAST(? AS DECIMAL(7,4)), 100) / 100, 4), p.moq, p.order_multiple
	FROM price p JOIN product t ON t.sku = p.sku
	WHERE p.price_list_code = ? AND t.is_obsolete = 0 ORDER BY p.sku, p.moq`)

func prices(tx *sql.Tx, t *terms) (interface{}, error) {
	all := []price{}
	err := each(tx, pricesByList, func(r *sql.Rows) error {
		p := price{PriceListCode: t.list, PriceListName: t.name, CurrencyCode: t.currency}
		err := r.Scan(&p.SKU, &p.PriceExclVAT, &p.MOQ, &p.OrderMultiple)
		all = append(all, p)
		return err
	}, t.discount, t.list)
	return all, err
}

type stockRow struct {
	SKU, StockLocation string
	AvailableQTY       json.Number
	NextAvailableETA   *string
}

var stockByWarehouse = prepare(customer, `SELECT s.sku, s.available_qty, s.next_available_eta
	FROM stock s JOIN product t ON t.sku = s.sku
	WHERE t.is_obsolete = 0 AND s.stock_location = ?
	AND EXISTS (SELECT 1 FROM price p WHERE p.price_list_code = ? AND p.sku = s.sku) ORDER BY s.sku`)

func stock(tx *sql.Tx, t *terms) (interface{}, error) {
	all := []stockRow{}
	err := each(tx, stockByWarehouse, func(r *sql.Rows) error {
		s := stockRow{StockLocation: t.warehouse}
		err := r.Scan(&s.SKU, &s.AvailableQTY, &s.NextAvailableETA)
		all = append(all, s)
		return err
	}, t.warehouse, t.list)
	return all, err
}

type image struct {
	ImageID, FileName string
	IsPrimaryImage    bool
}
type accessory struct{ AccessorySKU string }
type substitution struct{ SubstituteSKU string }
type material struct {
	MaterialCode, MaterialDescription string
	CompositionPercentage             json.Number
}

type product struct {
	SKU, Name, Description, WebsiteDescription, ProductCategoryCode, WashingInstructions string
	Gender, Audience, MainColour, Barcode, Photo, Theme                                  string

	PackagedLength json.Number `json:"PackagedLength_in_cm"`
	PackagedWidth  json.Number `json:"PackagedWidth_in_cm"`
	PackagedHeight json.Number `json:"PackagedHeight_in_cm"`
	PackagedWeight json.Number `json:"PackagedWeight_in_g"`
	CartonLength   json.Number `json:"CartonLength_in_cm"`
	CartonWidth    json.Number `json:"CartonWidth_in_cm"`
	CartonHeight   json.Number `json:"CartonHeight_in_cm"`
	CartonWeight   json.Number `json:"CartonWeight_in_g"`
	CartonQty      json.Number

	AmazonASIN, CountryOfOrigin, Status, StyleCode, CartonBarcode, HSCode, WhatsIncluded string
	ProductCompositionText                                                               string

	ProductImages        []image
	ProductAccessories   []accessory
	ProductSubstitutions []substitution
	ProductComposition   []material
	ProductPrices        []price
}

var (
	allImages = prepare(customer, `SELECT sku, image_id, file_name, NOT is_secondary
		FROM product_image ORDER BY sku, is_secondary, image_id`)
	allAccessories = prepare(customer, `SELECT sku, accessory_sku FROM product_accessory ORDER BY sku, accessory_sku`)
	allSubstitutes = prepare(customer, `SELECT sku, substitute_sku FROM product_substitution
		ORDER BY sku, substitute_sku`)
	allMaterials = prepare(customer, `SELECT sku, material_code, material_description, composition_percentage
		FROM product_composition ORDER BY sku, material_code`)
	productsByList = prepare(customer, `SELECT t.sku, t.name, t.description, t.website_description,
		t.product_category_code, t.washing_instructions, t.gender, t.audience, t.main_colour, t.barcode, t.photo,
		t.theme, t.packaged_length_in_cm, t.packaged_width_in_cm, t.packaged_height_in_cm, t.packaged_weight_in_g,
		t.carton_length_in_cm, t.carton_width_in_cm, t.carton_height_in_cm, t.carton_weight_in_g, t.carton_qty,
		t.amazon_asin, t.country_of_origin, t.status, t.style_code, t.carton_barcode, t.hs_code, t.whats_included,
		t.product_composition_text
		FROM price p JOIN product t ON t.sku = p.sku
		WHERE p.price_list_code = ? AND t.is_obsolete = 0 ORDER BY p.sku`)
)

// products reads the nested rows into maps by SKU, then the products.
func products(tx *sql.Tx, t *terms) (interface{}, error) {
	images := map[string][]image{}
	accessories := map[string][]accessory{}
	substitutions := map[string][]substitution{}
	materials := map[string][]material{}
	priced := map[string][]price{}
	var sku string
	err := each(tx, allImages, func(r *sql.Rows) error {
		var i image
		err := r.Scan(&sku, &i.ImageID, &i.FileName, &i.IsPrimaryImage)
		images[sku] = append(images[sku], i)
		return err
	})
	if err == nil {
		err = each(tx, allAccessories, func(r *sql.Rows) error {
			var a accessory
			err := r.Scan(&sku, &a.AccessorySKU)
			accessories[sku] = append(accessories[sku], a)
			return err
		})
	}
	if err == nil {
		err = each(tx, allSubstitutes, func(r *sql.Rows) error {
			var s substitution
			err := r.Scan(&sku, &s.SubstituteSKU)
			substitutions[sku] = append(substitutions[sku], s)
			return err
		})
	}
	if err == nil {
		err = each(tx, allMaterials, func(r *sql.Rows) error {
			var m material
			err := r.Scan(&sku, &m.MaterialCode, &m.MaterialDescription, &m.CompositionPercentage)
			materials[sku] = append(materials[sku], m)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	list, err := prices(tx, t)
	if err != nil {
		return nil, err
	}
	for _, p := range list.([]price) {
		priced[p.SKU] = append(priced[p.SKU], p)
	}
	all := []product{}
	err = each(tx, productsByList, func(r *sql.Rows) error {
		var p product
		err := r.Scan(&p.SKU, &p.Name, &p.Description, &p.WebsiteDescription, &p.ProductCategoryCode,
			&p.WashingInstructions, &p.Gender, &p.Audience, &p.MainColour, &p.Barcode, &p.Photo, &p.Theme,
			&p.PackagedLength, &p.PackagedWidth, &p.PackagedHeight, &p.PackagedWeight, &p.CartonLength, &p.CartonWidth,
			&p.CartonHeight, &p.CartonWeight, &p.CartonQty, &p.AmazonASIN, &p.CountryOfOrigin, &p.Status, &p.StyleCode,
			&p.CartonBarcode, &p.HSCode, &p.WhatsIncluded, &p.ProductCompositionText)
		if n := len(all); err != nil || (n > 0 && all[n-1].SKU == p.SKU) {
			return err
		}
		p.ProductImages = orNone(images[p.SKU])
		p.ProductAccessories = orNone(accessories[p.SKU])
		p.ProductSubstitutions = orNone(substitutions[p.SKU])
		p.ProductComposition = orNone(materials[p.SKU])
		p.ProductPrices = orNone(priced[p.SKU])
		all = append(all, p)
		return nil
	}, t.list)
	return all, err
}

// orNone makes [] of what would be null.
func orNone[T any](rows []T) []T {
	if rows == nil {
		return []T{}
	}
	return rows
}

func version(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" && verify(r) == "" {
		w.WriteHeader(401)
		return
	}
	send(w, 200, map[string]string{"apiVersion": "2026-04"})
}

// --- KSS: one record, and a page by the statement that the module uses

type item struct {
	ProductID                                                     int64
	Supplier                                                      string
	SupplierID                                                    int64
	ProductName, BrandFamily, ProductTypeName, UnitNetWeight      string
	WholesaleUnitsPerCase                                         json.Number
	Description, Ingredients, ThumbnailImageURL, FullSizeImageURL *string
	Potency, PotencyTHC, Blend                                    *string
	KSSMenuCategory                                               string
	KSSLiveCategoryID, StatusID                                   int64
	TimeUpdated                                                   *string
	State                                                         string
	IsSample                                                      bool
	ProductGroupID                                                int64
	BrandStyle                                                    *string
	PackageID                                                     int64
	PackageName                                                   string
	ProductTypeID                                                 int64
	StrainName                                                    *string
	StrainID                                                      *int64
	Flavor                                                        *string
	BrandID                                                       int64
	BrandName                                                     string
	SupplierProductNumber                                         *string
}

var (
	apiKey = prepare(kss, `SELECT type FROM api_key
		WHERE hash = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP())`)
	pageStatement   = prepare(kss, os.Getenv("BENCH_PAGE_SQL"))
	recordStatement = prepare(kss, os.Getenv("BENCH_RECORD_SQL"))
)

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func items(s *sql.Stmt, args ...interface{}) ([]item, error) {
	rows, err := s.Query(args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []item{}
	for rows.Next() {
		var i item
		var supplier, category *string
		var supplierID, categoryID sql.NullInt64
		err := rows.Scan(&i.ProductID, &supplier, &supplierID, &i.ProductName, &i.BrandFamily, &i.ProductTypeName,
			&i.UnitNetWeight, &i.WholesaleUnitsPerCase, &i.Description, &i.Ingredients, &i.ThumbnailImageURL,
			&i.FullSizeImageURL, &i.Potency, &i.PotencyTHC, &i.Blend, &category, &categoryID, &i.StatusID,
			&i.TimeUpdated, &i.State, &i.IsSample, &i.ProductGroupID, &i.BrandStyle, &i.PackageID, &i.PackageName,
			&i.ProductTypeID, &i.StrainName, &i.StrainID, &i.Flavor, &i.BrandID, &i.BrandName, &i.SupplierProductNumber)
		if err != nil {
			return nil, err
		}
		i.Supplier, i.SupplierID, i.KSSMenuCategory = text(supplier), supplierID.Int64, text(category)
		i.KSSLiveCategoryID = categoryID.Int64
		if i.TimeUpdated != nil {
			utc := strings.Replace(*i.TimeUpdated, " ", "T", 1) + "Z"
			i.TimeUpdated = &utc
		}
		all = append(all, i)
	}
	return all, rows.Err()
}

// kssAnswer checks the key, then sends what `read` finds.
func kssAnswer(w http.ResponseWriter, r *http.Request, read func() (interface{}, error)) {
	hash := sha256.Sum256([]byte(r.Header.Get("x-api-key")))
	var kind string
	var answer interface{}
	err := apiKey.QueryRow(hash[:]).Scan(&kind)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && kind != "employee") {
		send(w, 401, map[string]string{"Error": "The API key is not valid."})
		return
	}
	if err == nil {
		answer, err = read()
	}
	if err != nil {
		send(w, 500, map[string]string{"Error": err.Error()})
		return
	}
	send(w, 200, answer)
}

func number(text string, otherwise int) int {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n
	}
	return otherwise
}

type itemPage struct {
	Data           []item
	Page, PageSize int
	HasNextPage    bool
}

func kssPage(w http.ResponseWriter, r *http.Request) {
	kssAnswer(w, r, func() (interface{}, error) {
		q := r.URL.Query()
		page, size := number(q.Get("Page"), 1), number(q.Get("PageSize"), 50)
		rows, err := items(pageStatement, size+1, (page-1)*size)
		more := len(rows) > size
		if more {
			rows = rows[:size]
		}
		return itemPage{rows, page, size, more}, err
	})
}

func kssRecord(w http.ResponseWriter, r *http.Request) {
	kssAnswer(w, r, func() (interface{}, error) {
		rows, err := items(recordStatement, number(strings.TrimPrefix(r.URL.Path, "/api/v1/products/"), 0))
		return itemPage{rows, 1, 50, false}, err
	})
}

func main() {
	http.HandleFunc("/auth/token", token)
	http.HandleFunc("/products", list(products))
	http.HandleFunc("/stock", list(stock))
	http.HandleFunc("/prices", list(prices))
	http.HandleFunc("/api/version", version)
	http.HandleFunc("/api/v1/products", kssPage)
	http.HandleFunc("/api/v1/products/", kssRecord)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("BENCH_PORT"), nil))
}
