// Package signin lets people and programs in by an OpenID Connect issuer: tokens
// that the issuer signed for this server, the metadata that leads clients to it,
// and the sign-in of browsers.
//
// There is no session here: what a browser keeps is the issuer's own access token,
// in a cookie. So any task of the service takes what another one set, there is no
// key to make or to rotate, and browsers and programs are checked in one place.
//
// Start at [New].
package signin
