// Package web is the web side: /healthz and /readyz, for whoever restarts the
// process or sends it traffic, and /u/{token}, where people unsubscribe from
// campaigns without logging in.
//
// A GET changes nothing: mail scanners and monitors open every address they find.
// It fails by answering 503, with the parts that do not answer or with a page
// that says that nothing was done.
package web
