// Package thinline measures an agency behind a thin line: 64 kbit/s, 2 percent
// of packets lost, 600 ms there and back.
//
// The broker and the agency's agent are processes in network namespaces of
// their own. Between them stand two TUN devices and this process, which hands
// packets from one to the other late, slowly, and not all of them. It needs
// root and a kernel with TUN; where that is missing the test is skipped.
// Everything goes with the processes.
package thinline
