package smtptest

import "encoding/pem"

// CertificatePEM gives the server's certificate for programs that trust what a
// file says, as Go does with SSL_CERT_FILE; nil without TLS. See
// [Server.RootCAs] for code in the same process.
func (s *Server) CertificatePEM() []byte {
	if s.tls == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.tls.Certificates[0].Leaf.Raw})
}
