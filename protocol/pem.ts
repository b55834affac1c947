/** Whether a text has a certificate in PEM: Node takes what has none for no authority at all, and says nothing. */
export function isPem(text: string): boolean {
  return /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/.test(text)
}
