package templates_test

// nasty is what strangers type into a form as their name.
var nasty = []string{
	"=?utf-8?q?x?= \"A\"; <b>\r\nBcc: x@example.org",
	"{{.Registration.Email}}",
	"Anna \u202egpj.exe\u202c de \u2066Boer",
	"<script>alert(1)</script>",
	"Subject: gewonnen!\n\nBeste klant,\n- klik https://boos.example/",
	"[in te vullen]",
	"<no value>",
	"\u0085\u2028\u2029\x00Piet",
}
