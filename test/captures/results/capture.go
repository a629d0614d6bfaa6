// Prints a result in another version of the specification, by the reference library. How the files here were made:
//
//	go mod init capture && go get github.com/containernetworking/cni@v1.3.0 && go build -o capture capture.go
//	for from in 0.2.0 0.4.0 1.1.0; do for to in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
//	  ./capture $to < given-$from.json > $from-as-$to.json
//	done; done
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/containernetworking/cni/pkg/types/create"
)

func main() {
	given, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	result, err := create.CreateFromBytes(given)
	if err == nil {
		result, err = result.GetAsVersion(os.Args[1])
	}
	if err != nil {
		fmt.Print("error: ", err)
		return
	}
	if err := result.Print(); err != nil {
		panic(err)
	}
}
