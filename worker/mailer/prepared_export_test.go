package mailer

// AppendQuoted opens the encoder to a comparison with the standard library's.
var AppendQuoted = appendQuoted
