package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '32d32ac4ded04c64a4e711c59b58f2d31b541b40ea0edd94db50e510cfa8c75b'
  static final String JOBS_SUM = 'f5b05a591bf167bb0f94fdd30f506d2b12690470d755a119b76f46611ad50353'

  private static final long serialVersionUID = 1L
}
