// An HTTP server in Go that speaks TLS: /fail is answered with 500, each request takes as
// many µs as it asks for (us=).
package main

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	http.HandleFunc("/", func(answer http.ResponseWriter, request *http.Request) {
		work, _ := strconv.Atoi(request.URL.Query().Get("us"))
		time.Sleep(time.Duration(work) * time.Microsecond)
		if request.URL.Path == "/fail" {
			answer.WriteHeader(http.StatusInternalServerError)
		}
		answer.Write([]byte(strings.Repeat("x", 300)))
	})
	panic(http.ListenAndServeTLS("127.0.0.1:"+os.Args[1], os.Args[2], os.Args[3], nil))
}
