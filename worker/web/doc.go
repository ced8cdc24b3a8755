// Package web is the web side. So far it says whether the process is well:
// /healthz and /readyz, for whoever restarts it or sends it traffic.
//
// It refuses every method but GET and HEAD, and a GET changes nothing: mail
// scanners and monitors open every address they find. It fails by answering
// 503 with the parts that do not answer.
package web
