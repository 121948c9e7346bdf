// What the cluster's self-test runs in its pods: it looks at the cluster as a
// user's program does, from inside, by names and claims.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/"
	apiVersionURL  = "https://kubernetes.default.svc.cluster.local/version"
	terminationLog = "/dev/termination-log"

	requestTimeout = 5 * time.Second
	// kube-proxy may need a moment before a new cluster's Services answer.
	apiAttempts   = 10
	betweenTries  = time.Second
	maxAnswerSize = 64 << 10
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		_ = os.WriteFile(terminationLog, []byte(err.Error()), 0o644)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "api":
		return reachAPI()
	case len(arguments) == 3 && arguments[0] == "write":
		return writeFile(arguments[1], arguments[2])
	case len(arguments) == 2 && arguments[0] == "serve":
		return serve(arguments[1])
	}
	return errors.New("usage: probe api | write FILE TEXT | serve ADDRESS")
}

// reachAPI asks for the API server's version by the Service's DNS name, and
// checks on the way that the root file system can't be written to.
func reachAPI() error {
	if err := os.WriteFile("/written", nil, 0o644); err == nil {
		return errors.New("the root file system can be written to")
	}
	var answer string
	var err error
	for range apiAttempts {
		if answer, err = getVersion(); err == nil {
			fmt.Printf("uid %d: %s answered %s\n", os.Getuid(), apiVersionURL, answer)
			return os.WriteFile(terminationLog, []byte("api reached"), 0o644)
		}
		time.Sleep(betweenTries)
	}
	return err
}

func getVersion() (string, error) {
	authority, err := os.ReadFile(serviceAccount + "ca.crt")
	if err != nil {
		return "", err
	}
	token, err := os.ReadFile(serviceAccount + "token")
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	client := &http.Client{
		Timeout:   requestTimeout,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
	request, err := http.NewRequest(http.MethodGet, apiVersionURL, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerSize))
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s: %s", apiVersionURL, response.Status, body)
	}
	return string(body), nil
}

func writeFile(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	read, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if string(read) != text {
		return fmt.Errorf("%s: read back %q", path, read)
	}
	fmt.Printf("uid %d wrote %s\n", os.Getuid(), path)
	return os.WriteFile(terminationLog, []byte("written"), 0o644)
}

func serve(address string) error {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "probe answers\n")
	})
	server := &http.Server{Addr: address, ReadHeaderTimeout: requestTimeout}
	return server.ListenAndServe()
}
