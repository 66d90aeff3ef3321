package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'faf3a2283759a2f396c833ae374c1c7f246ac9f0dd2671ba31a1462fe649e6bb'
  static final String JOBS_SUM = 'c326963bc9689101ed90e6275b5fd12e6ce73340d2b9caaa8b677e149fe19f4c'

  private static final long serialVersionUID = 1L
}
